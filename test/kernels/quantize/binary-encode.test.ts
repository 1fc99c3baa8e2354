import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./binary-encode.cases.ts";

describeRoom(room);
