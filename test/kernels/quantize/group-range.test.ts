import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./group-range.cases.ts";

describeRoom(room);
