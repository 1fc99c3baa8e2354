// Turns a schedule over resources into the operations of a plan over slots. Serves any schedule, whatever
// laid it out. Pure.
import { InternalError } from "../base/errors.ts";
import type { AdapterClass } from "../base/profile.ts";
import { estimateSeconds } from "./cost.ts";
import { findLifetimes, liveBytes, type Lifetime } from "./lifetimes.ts";
import { touchedBy } from "./schedule.ts";
import type { Position, Schedule } from "./schedule.ts";
import { colourSlots } from "./slots.ts";
import type { ColouredSlot } from "./slots.ts";
import { cutSubmits } from "./submits.ts";
import type { Command, Plan, PlanOp } from "./types.ts";

/** How far above the lower bound a plan may go, to spare the making of buffers. */
const peakFactor = 1.1;

export type CompiledSchedule = Pick<
  Plan,
  | "slots"
  | "ops"
  | "peakDeviceBytes"
  | "lowerBoundBytes"
  | "unsharedBytes"
  | "dispatches"
  | "submits"
  | "estimatedSeconds"
>;

/** A schedule, and what of its memory lives when. */
export interface Measured {
  readonly schedule: Schedule;
  readonly lifetimes: readonly Lifetime[];
  /** Bytes at each position. */
  readonly live: readonly number[];
}

export function measure(schedule: Schedule): Measured {
  const { positions, resources } = schedule;
  const lifetimes = findLifetimes(resources, positions.map(touchedBy));
  return { schedule, lifetimes, live: liveBytes(lifetimes, positions.length) };
}

/** The least memory that each batch of a schedule can run in, at its worst position. */
export function leastMemory({ schedule: { positions }, live }: Measured): readonly number[] {
  const most: number[] = [];
  for (const [at, { batch }] of positions.entries()) most[batch] = Math.max(most[batch] ?? 0, live[at] ?? 0);
  return most;
}

/**
 * Assigns slots and cuts submits.
 * @param budget most bytes on the device at once; at least what `leastMemory` gives for any batch
 */
export function compileSchedule(
  { schedule, lifetimes, live }: Measured,
  adapterClass: AdapterClass,
  budget?: number,
): CompiledSchedule {
  const { positions, calls } = schedule;
  const lowerBoundBytes = live.reduce((most, bytes) => Math.max(most, bytes), 0);
  const cap = Math.min(Math.floor(lowerBoundBytes * peakFactor), budget ?? Number.POSITIVE_INFINITY);
  const { slots, slotOf, peakBytes } = colourSlots(lifetimes, live, cap);
  const toSlot = (resource: number): number => {
    const slot = slotOf.get(resource);
    if (slot === undefined) throw new InternalError("A plan names memory that it gave no slot.");
    return slot;
  };
  const secondsOf = ({ kind, ...position }: Position): number | undefined => {
    const command = kind === "command" && "command" in position ? position.command : undefined;
    const call = command?.kind === "dispatch" ? calls[command.call] : undefined;
    return call && estimateSeconds(call, adapterClass);
  };
  const made = slotsBy(slots, ({ create }) => create);
  const gone = slotsBy(slots, ({ destroy }) => destroy);
  const ops: PlanOp[] = [];
  const memory = (from: number, to: number): void => {
    for (const [kind, events] of [["destroy", gone] as const, ["create", made] as const]) {
      const ids = Array.from({ length: to - from }, (_, i) => events.get(from + i) ?? []).flat();
      if (ids.length > 0) ops.push({ kind, slots: ids });
    }
  };
  let at = 0;
  while (at < positions.length) {
    const position = positions[at];
    if (position?.kind !== "command") {
      memory(at, at + 1);
      if (position) ops.push(position.slot === undefined ? position : { ...position, slot: toSlot(position.slot) });
      at += 1;
      continue;
    }
    const run = commandRun(positions, at);
    const breaks = new Set(run.flatMap((_, index) => (gone.has(at + index) ? [index] : [])));
    let start = 0;
    for (const end of cutSubmits(run.map(secondsOf), breaks)) {
      memory(at + start, at + end);
      const part = run.slice(start, end);
      ops.push({
        kind: "submit",
        batch: position.batch,
        commands: part.map(({ command }) => onSlots(command, toSlot)),
        seconds: part.reduce((sum, each) => sum + (secondsOf(each) ?? 0), 0),
      });
      start = end;
    }
    at += run.length;
  }
  const submits = ops.filter((op) => op.kind === "submit");
  return {
    slots: slots.map(({ usage, bytes }) => ({ usage, bytes })),
    ops,
    peakDeviceBytes: peakBytes,
    lowerBoundBytes,
    unsharedBytes: lifetimes.reduce((sum, { bytes }) => sum + bytes, 0),
    dispatches: calls.length,
    submits: submits.length,
    estimatedSeconds: submits.reduce((sum, { seconds }) => sum + seconds, 0),
  };
}

type CommandPosition = Extract<Position, { kind: "command" }>;

/** The commands of one batch from a position on. */
function commandRun(positions: readonly Position[], from: number): readonly CommandPosition[] {
  const run: CommandPosition[] = [];
  const batch = positions[from]?.batch;
  for (let at = from; at < positions.length; at++) {
    const position = positions[at];
    if (position?.kind !== "command" || position.batch !== batch) break;
    run.push(position);
  }
  return run;
}

function slotsBy(
  slots: readonly ColouredSlot[],
  when: (slot: ColouredSlot) => number,
): ReadonlyMap<number, readonly number[]> {
  const byPosition = new Map<number, number[]>();
  for (const [id, slot] of slots.entries()) {
    const ids = byPosition.get(when(slot)) ?? [];
    ids.push(id);
    byPosition.set(when(slot), ids);
  }
  return byPosition;
}

function onSlots(command: Command, toSlot: (resource: number) => number): Command {
  if (command.kind === "copy") return { ...command, from: toSlot(command.from), to: toSlot(command.to) };
  if (command.kind === "clear") return { ...command, slot: toSlot(command.slot) };
  return {
    ...command,
    params: { ...command.params, slot: toSlot(command.params.slot) },
    bindings: command.bindings.map(({ slot, bytes }) => ({ slot: toSlot(slot), bytes })),
  };
}
