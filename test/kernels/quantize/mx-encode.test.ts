import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./mx-encode.cases.ts";

describeRoom(room);
