import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./select.cases.ts";

describeRoom(room);
