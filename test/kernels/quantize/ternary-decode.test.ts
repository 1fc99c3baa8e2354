import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./ternary-decode.cases.ts";

describeRoom(room);
