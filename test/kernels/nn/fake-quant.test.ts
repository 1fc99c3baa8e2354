import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./fake-quant.cases.ts";

describeRoom(room);
