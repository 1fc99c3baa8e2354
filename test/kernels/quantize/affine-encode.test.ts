import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./affine-encode.cases.ts";

describeRoom(room);
