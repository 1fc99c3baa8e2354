import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./unary.cases.ts";

describeRoom(room);
