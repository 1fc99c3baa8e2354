import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./clip-block.cases.ts";

describeRoom(room);
