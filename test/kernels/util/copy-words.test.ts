import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./copy-words.cases.ts";

describeRoom(room);
