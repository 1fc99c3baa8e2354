import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./gather-blocks.cases.ts";

describeRoom(room);
