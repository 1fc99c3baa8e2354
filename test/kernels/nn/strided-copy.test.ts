import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./strided-copy.cases.ts";

describeRoom(room);
