import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./table-block.cases.ts";

describeRoom(room);
