import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./scatter.cases.ts";

describeRoom(room);
