import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./float8-encode.cases.ts";

describeRoom(room);
