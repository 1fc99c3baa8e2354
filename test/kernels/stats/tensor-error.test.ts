import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./tensor-error.cases.ts";

describeRoom(room);
