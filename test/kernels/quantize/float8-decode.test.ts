import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./float8-decode.cases.ts";

describeRoom(room);
