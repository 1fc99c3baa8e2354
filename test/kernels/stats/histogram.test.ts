import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./histogram.cases.ts";

describeRoom(room);
