import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./search-wide-sums.cases.ts";

describeRoom(room);
