import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./search-hqq-block.cases.ts";

describeRoom(room);
