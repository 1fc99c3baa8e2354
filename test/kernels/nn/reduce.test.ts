import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./reduce.cases.ts";

describeRoom(room);
