import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./group-mean.cases.ts";

describeRoom(room);
