import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./clip-wide-count.cases.ts";

describeRoom(room);
