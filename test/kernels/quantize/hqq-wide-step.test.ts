import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./hqq-wide-step.cases.ts";

describeRoom(room);
