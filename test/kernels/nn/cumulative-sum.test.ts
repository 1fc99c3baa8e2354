import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./cumulative-sum.cases.ts";

describeRoom(room);
