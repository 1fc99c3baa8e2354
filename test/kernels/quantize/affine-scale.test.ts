import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./affine-scale.cases.ts";

describeRoom(room);
