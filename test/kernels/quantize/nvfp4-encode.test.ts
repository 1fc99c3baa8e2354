import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./nvfp4-encode.cases.ts";

describeRoom(room);
