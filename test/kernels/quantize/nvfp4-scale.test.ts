import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./nvfp4-scale.cases.ts";

describeRoom(room);
