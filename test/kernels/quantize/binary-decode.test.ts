import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./binary-decode.cases.ts";

describeRoom(room);
