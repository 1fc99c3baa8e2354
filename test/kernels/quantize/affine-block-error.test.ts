import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./affine-block-error.cases.ts";

describeRoom(room);
