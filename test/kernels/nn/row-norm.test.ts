import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./row-norm.cases.ts";

describeRoom(room);
