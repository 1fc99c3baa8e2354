import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./roi-align.cases.ts";

describeRoom(room);
