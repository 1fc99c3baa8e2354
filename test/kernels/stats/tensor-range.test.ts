import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./tensor-range.cases.ts";

describeRoom(room);
