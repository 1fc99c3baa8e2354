import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./mx-decode.cases.ts";

describeRoom(room);
