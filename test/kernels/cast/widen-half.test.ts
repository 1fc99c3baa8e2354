import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./widen-half.cases.ts";

describeRoom(room);
