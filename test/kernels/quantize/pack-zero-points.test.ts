import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./pack-zero-points.cases.ts";

describeRoom(room);
