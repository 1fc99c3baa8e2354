import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./binary.cases.ts";

describeRoom(room);
