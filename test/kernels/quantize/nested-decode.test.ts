import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./nested-decode.cases.ts";

describeRoom(room);
