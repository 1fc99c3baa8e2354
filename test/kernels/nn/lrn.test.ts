import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./lrn.cases.ts";

describeRoom(room);
