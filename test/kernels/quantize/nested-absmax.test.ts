import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./nested-absmax.cases.ts";

describeRoom(room);
