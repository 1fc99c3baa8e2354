import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./transpose.cases.ts";

describeRoom(room);
