import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./group-sum.cases.ts";

describeRoom(room);
