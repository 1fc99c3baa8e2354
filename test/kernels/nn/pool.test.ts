import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./pool.cases.ts";

describeRoom(room);
