import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./clip-wide-pick.cases.ts";

describeRoom(room);
