import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./grid-sample.cases.ts";

describeRoom(room);
