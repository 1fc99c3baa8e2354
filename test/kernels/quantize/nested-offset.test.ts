import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./nested-offset.cases.ts";

describeRoom(room);
