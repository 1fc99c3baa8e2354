import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./top-k.cases.ts";

describeRoom(room);
