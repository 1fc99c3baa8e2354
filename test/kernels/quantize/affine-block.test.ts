import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./affine-block.cases.ts";

describeRoom(room);
