import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./affine-error.cases.ts";

describeRoom(room);
