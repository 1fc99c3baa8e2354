import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./range-merge.cases.ts";

describeRoom(room);
