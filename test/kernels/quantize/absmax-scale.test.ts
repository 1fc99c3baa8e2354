import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./absmax-scale.cases.ts";

describeRoom(room);
