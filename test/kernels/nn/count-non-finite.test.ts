import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./count-non-finite.cases.ts";

describeRoom(room);
