import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./ternary-encode.cases.ts";

describeRoom(room);
