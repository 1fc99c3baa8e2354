import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./group-absmax.cases.ts";

describeRoom(room);
