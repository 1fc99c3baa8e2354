import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./mx-scale.cases.ts";

describeRoom(room);
