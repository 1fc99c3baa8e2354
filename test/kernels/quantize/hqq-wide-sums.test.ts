import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./hqq-wide-sums.cases.ts";

describeRoom(room);
