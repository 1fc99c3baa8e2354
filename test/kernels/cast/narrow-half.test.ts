import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./narrow-half.cases.ts";

describeRoom(room);
