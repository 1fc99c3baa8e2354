import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./softmax.cases.ts";

describeRoom(room);
