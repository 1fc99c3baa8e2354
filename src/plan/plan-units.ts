// The planner's front: work units in, a plan out. Pure: the same units and profile give the same plan.
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { OutOfMemoryError } from "../base/errors.ts";
import type { DeviceProfile } from "../base/profile.ts";
import { formatBytes } from "../base/size.ts";
import { checkUnits, dataBytes } from "./check-units.ts";
import { compileSchedule, leastMemory } from "./compile.ts";
import { estimateSeconds } from "./cost.ts";
import { groupUnits, laySchedule } from "./schedule.ts";
import type { Schedule } from "./schedule.ts";
import type { Plan, WorkUnit } from "./types.ts";

export interface PlanOptions {
  /** Bytes on the device at once, staging included; default is the profile's budget. */
  readonly memoryBudget?: number;
  /** Neighbouring units share a batch up to these bytes; default 4 MiB; 0 = each unit alone. */
  readonly groupBytes?: number;
}

const defaultGroupBytes = 4 * 2 ** 20;
/** Enough to hide a round trip, few enough for smooth progress and cheap loss. */
const maxUnitsInBatch = 64;
/** A single dispatch longer than this may freeze a page or meet a watchdog. */
const longDispatchSeconds = 1;

/**
 * Plans a run over work units: batches, order, memory slots, submits, cost.
 *
 * @example const plan = planUnits(units, gpu.profile, { memoryBudget: 256 * 2 ** 20 }); console.log(formatPlan(plan));
 * @throws OutOfMemoryError where a unit exceeds the device's limits or the budget (details unit, neededBytes,
 *   availableBytes); InternalError for malformed units
 */
export function planUnits(units: readonly WorkUnit[], profile: DeviceProfile, options: PlanOptions = {}): Plan {
  checkUnits(units, profile);
  const budget = options.memoryBudget ?? profile.memoryBudget;
  const { schedule, isSerial } = fitSchedule(units, options.groupBytes ?? defaultGroupBytes, budget);
  const { adapterClass } = profile;
  const long = schedule.calls.filter((call) => estimateSeconds(call, adapterClass) > longDispatchSeconds).length;
  const planUnit = ({ id, label, uploads }: WorkUnit): Plan["units"][number] => ({
    id,
    label,
    bytesIn: sum(uploads.map(({ data }) => (data.kind === "read" ? dataBytes(data) : 0))),
  });
  const planned = units.map(planUnit);
  return {
    version: 1,
    fingerprint: bytesToHex(sha256(utf8ToBytes(JSON.stringify(units)))),
    adapterClass,
    ...(budget === undefined ? {} : { memoryBudget: budget }),
    units: planned,
    calls: schedule.calls,
    batches: schedule.batches,
    ...compileSchedule(schedule, adapterClass, budget),
    bytesIn: sum(planned.map(({ bytesIn }) => bytesIn)),
    bytesOut: sum(units.flatMap(({ downloads }) => downloads.map(({ bytes }) => bytes))),
    warnings: [
      ...(isSerial ? ["The memory budget leaves no room to read, compute and write at the same time."] : []),
      ...(long > 0 ? [`${long} dispatches are estimated at more than ${longDispatchSeconds} s each.`] : []),
    ],
  };
}

/** The fastest layout that the budget allows: grouped and overlapped, overlapped, one unit at a time. */
function fitSchedule(
  units: readonly WorkUnit[],
  groupBytes: number,
  budget = Number.POSITIVE_INFINITY,
): { readonly schedule: Schedule; readonly isSerial: boolean } {
  const alone = units.map((_, index) => [index]);
  const grouped = groupUnits(units, { groupBytes, maxUnits: maxUnitsInBatch });
  const overlapped = [grouped, alone].map((groups) => laySchedule(units, groups, 2));
  const fitting = overlapped.find((schedule) => leastMemory(schedule).bytes <= budget);
  if (fitting) return { schedule: fitting, isSerial: false };
  const serial = laySchedule(units, alone, 1);
  const { bytes, batch } = leastMemory(serial);
  if (bytes <= budget) return { schedule: serial, isSerial: true };
  const unit = units[batch];
  throw new OutOfMemoryError(
    `${unit?.label} needs ${formatBytes(bytes)} on the device; the memory budget is ${formatBytes(budget)}.`,
    {
      hint: "Give a larger memory budget, or scales per channel or in blocks where they are per tensor: those can be cut.",
      details: { unit: unit?.id, neededBytes: bytes, availableBytes: budget },
    },
  );
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
