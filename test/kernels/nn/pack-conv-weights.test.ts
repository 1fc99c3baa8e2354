import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./pack-conv-weights.cases.ts";

describeRoom(room);
