// The planner's front: work units in, a plan out. Pure: the same units and profile give the same plan.
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { OutOfMemoryError } from "../base/errors.ts";
import type { DeviceProfile } from "../base/profile.ts";
import { formatBytes } from "../base/size.ts";
import { checkUnits, dataBytes, downloadSize, uploadSize } from "./check-units.ts";
import { compileSchedule, leastMemory, measure, type Measured } from "./compile.ts";
import { estimateSeconds } from "./cost.ts";
import { groupUnits, laySchedule, unitBytes } from "./schedule.ts";
import type { Kept, Plan, WorkUnit } from "./types.ts";

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
  const { measured, serial } = fitSchedule(units, options.groupBytes ?? defaultGroupBytes, budget);
  const { schedule } = measured;
  const { adapterClass } = profile;
  const long = schedule.calls.filter((call) => estimateSeconds(call, adapterClass) > longDispatchSeconds).length;
  const planUnit = ({ id, label, uploads, uses = [], keeps = [] }: WorkUnit): Plan["units"][number] => ({
    id,
    label,
    bytesIn: sum(uploads.map(({ data }) => (data.kind === "read" ? dataBytes(data) : 0))),
    ...(uses.length > 0 ? { uses: keptNames(uses) } : {}),
    ...(keeps.length > 0 ? { keeps: keptNames(keeps) } : {}),
  });
  const planned = units.map(planUnit);
  return {
    version: 1,
    fingerprint: fingerprintOf(units),
    adapterClass,
    ...(budget === undefined ? {} : { memoryBudget: budget }),
    units: planned,
    calls: schedule.calls,
    batches: schedule.batches,
    ...compileSchedule(measured, adapterClass, budget),
    bytesIn: sum(planned.map(({ bytesIn }) => bytesIn)),
    bytesOut: sum(units.flatMap(({ downloads }) => downloads.map(({ bytes }) => bytes))),
    warnings: [
      ...serialWarning(serial, schedule.batches.length),
      ...(long > 0 ? [`${long} dispatches are estimated at more than ${longDispatchSeconds} s each.`] : []),
    ],
  };
}

/** Whether a plan of these units alone can be had: their buffers within the limits, one unit at a time in the budget. */
export function fitsDevice(units: readonly WorkUnit[], { limits, memoryBudget }: DeviceProfile): boolean {
  const sizes = units.flatMap((unit) => [uploadSize(unit), downloadSize(unit)]);
  const buffers = units.flatMap((unit) => Object.values(unit.buffers));
  if (!sizes.every((bytes) => bytes <= limits.maxBufferSize)) return false;
  if (!buffers.every((bytes) => bytes <= Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize)))
    return false;
  if (memoryBudget === undefined) return true;
  // All of a unit's bytes together are more than it takes, and quickly counted.
  if (units.every((unit) => !unit.keeps && unitBytes(unit) <= memoryBudget)) return true;
  const alone = units.map((_, index) => [index]);
  return leastMemory(measure(laySchedule(units, alone, () => false))).every((bytes) => bytes <= memoryBudget);
}

/**
 * The fastest layout that the budget allows: all batches overlap and small units share one, except where that takes
 * too much; there units go alone, and then without overlap.
 */
function fitSchedule(
  units: readonly WorkUnit[],
  groupBytes: number,
  budget = Number.POSITIVE_INFINITY,
): { readonly measured: Measured; readonly serial: number } {
  let groups = groupUnits(units, { groupBytes, maxUnits: maxUnitsInBatch });
  /** Batches, by their first unit, that must not overlap with their neighbours. */
  const serial = new Set<number>();
  for (;;) {
    const first = (batch: number): number => groups[batch]?.[0] ?? -1;
    const overlaps = (batch: number): boolean => !serial.has(first(batch)) && !serial.has(first(batch + 1));
    const measured = measure(laySchedule(units, groups, overlaps));
    const tight = leastMemory(measured).flatMap((bytes, batch) => (bytes > budget ? [{ batch, bytes }] : []));
    if (tight.length === 0) return { measured, serial: serial.size };
    const crowded = new Set(tight.flatMap(({ batch }) => [batch - 1, batch, batch + 1]));
    if ([...crowded].some((batch) => (groups[batch]?.length ?? 0) > 1)) {
      groups = groups.flatMap((group, batch) => (crowded.has(batch) ? group.map((unit) => [unit]) : [group]));
      continue;
    }
    const stuck = tight.find(({ batch }) => serial.has(first(batch)));
    if (stuck) throw tooLarge(units[first(stuck.batch)], stuck.bytes, budget);
    for (const { batch } of tight) serial.add(first(batch));
  }
}

function tooLarge(unit: WorkUnit | undefined, bytes: number, budget: number): OutOfMemoryError {
  return new OutOfMemoryError(
    `${unit?.label} needs ${formatBytes(bytes)} on the device; the memory budget is ${formatBytes(budget)}.`,
    {
      hint: "Give a larger memory budget, or leave this weight float with a rule.",
      details: { unit: unit?.id, neededBytes: bytes, availableBytes: budget },
    },
  );
}

function serialWarning(serial: number, batches: number): readonly string[] {
  if (serial === 0) return [];
  const where = serial < batches ? ` in ${serial} of ${batches} batches` : "";
  return [`The memory budget leaves no room to read, compute and write at the same time${where}.`];
}

/** SHA-256 of the units as JSON, piece by piece: the whole text of a large model's is too long for a string. */
function fingerprintOf(units: readonly WorkUnit[]): string {
  const hash = sha256.create();
  for (const unit of units) hash.update(utf8ToBytes(`${JSON.stringify(unit)},`));
  return bytesToHex(hash.digest());
}

const keptNames = (kept: readonly Kept[]): readonly string[] => [...new Set(kept.map((each) => each.kept))];

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
