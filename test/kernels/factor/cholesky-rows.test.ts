import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./cholesky-rows.cases.ts";

describeRoom(room);
