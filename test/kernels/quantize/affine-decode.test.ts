import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./affine-decode.cases.ts";

describeRoom(room);
