import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./gather.cases.ts";

describeRoom(room);
