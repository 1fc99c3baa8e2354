import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./table-decode.cases.ts";

describeRoom(room);
