import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./arg-reduce.cases.ts";

describeRoom(room);
