import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./nvfp4-decode.cases.ts";

describeRoom(room);
