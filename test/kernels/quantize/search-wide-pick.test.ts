import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./search-wide-pick.cases.ts";

describeRoom(room);
