// Lays work units out as a software pipeline: while the device computes batch i, the host reads batch
// i + 1, takes and delivers batch i - 1. The result names memory by resource; slots come later. Must not
// know budgets or devices.
import type { KernelCall } from "../kernels/kernel.ts";
import { alignUp, dataBytes, downloadSize, uploadSize } from "./check-units.ts";
import type { Resource } from "./lifetimes.ts";
import { paramsStride } from "./types.ts";
import type { Command, PlanBatch, PlanOp, WorkUnit } from "./types.ts";

/** One position of a schedule; where a plan has slot numbers, it has resource indices. */
export type Position =
  | Extract<PlanOp, { kind: "fill" | "take" }>
  | {
      readonly kind: "command";
      readonly batch: number;
      readonly command: Command;
      /** Staging that the device holds from a batch's first command to its last: these two name it. */
      readonly holds?: readonly number[];
    };

export interface Schedule {
  readonly resources: readonly Resource[];
  readonly calls: readonly KernelCall[];
  readonly batches: readonly PlanBatch[];
  readonly positions: readonly Position[];
}

export interface GroupPolicy {
  /** Neighbouring units share a batch while all their bytes together stay below this; 0 = never. */
  readonly groupBytes: number;
  readonly maxUnits: number;
}

/** All bytes that a unit adds to its batch: staging and buffers. */
export function unitBytes(unit: WorkUnit): number {
  const buffers = Object.values(unit.buffers).reduce((sum, bytes) => sum + bytes, 0);
  return uploadSize(unit) + unit.steps.length * paramsStride + buffers + downloadSize(unit);
}

/**
 * Groups neighbouring small units, so that hundreds of tiny tensors don't pay a round trip each. A unit that uses what
 * an earlier one keeps comes in a later group: within one, all copies in precede all copies out.
 */
export function groupUnits(units: readonly WorkUnit[], policy: GroupPolicy): readonly (readonly number[])[] {
  const groups: number[][] = [];
  let [current, bytes]: [number[], number] = [[], 0];
  const kept = new Set<string>();
  for (const [index, unit] of units.entries()) {
    const own = unitBytes(unit);
    const isFull = bytes + own > policy.groupBytes || current.length >= policy.maxUnits;
    if (current.length > 0 && (isFull || unit.uses?.some((use) => kept.has(use.kept)))) {
      groups.push(current);
      [current, bytes] = [[], 0];
      kept.clear();
    }
    current.push(index);
    bytes += own;
    for (const keep of unit.keeps ?? []) kept.add(keep.kept);
  }
  return current.length > 0 ? [...groups, current] : groups;
}

/**
 * Lays out batches of units.
 * @param overlaps whether a batch and the next overlap: the next is read while the first computes, the first delivered
 *   while the next computes. Without, the first is done before the next begins, which takes less memory.
 */
export function laySchedule(
  units: readonly WorkUnit[],
  groups: readonly (readonly number[])[],
  overlaps: (batch: number) => boolean,
): Schedule {
  const resources: Resource[] = [];
  const calls: KernelCall[] = [];
  const kept = layKept(units, resources);
  const laid = groups.map((group, batch) => layBatch(units, group, batch, resources, calls, kept));
  const positions: Position[] = [];
  for (const [index, { fill, commands, take }] of laid.entries()) {
    const [withLast, withNext] = [index > 0 && overlaps(index - 1), index < laid.length - 1 && overlaps(index)];
    if (!withLast) positions.push(...fill);
    if (withNext) positions.push(...(laid[index + 1]?.fill ?? []));
    positions.push(...commands);
    if (withLast) positions.push(...(laid[index - 1]?.take ?? []));
    if (!withNext) positions.push(...take);
  }
  return { resources, calls, batches: laid.map(({ batch }) => batch), positions };
}

/** The kept buffers of all units, as resources by name. */
function layKept(units: readonly WorkUnit[], resources: Resource[]): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  for (const { kept, offset, bytes } of units.flatMap(({ keeps = [] }) => keeps)) {
    sizes.set(kept, Math.max(sizes.get(kept) ?? 0, offset + bytes));
  }
  return new Map([...sizes].map(([name, bytes]) => [name, resources.push({ usage: "storage", bytes, name }) - 1]));
}

/** Resources that a position reads or writes. */
export function touchedBy(position: Position): readonly number[] {
  if (position.kind !== "command") return position.slot === undefined ? [] : [position.slot];
  const { command, holds = [] } = position;
  if (command.kind === "copy") return [...holds, command.from, command.to];
  if (command.kind === "clear") return [...holds, command.slot];
  return [...holds, command.params.slot, ...command.bindings.map(({ slot }) => slot)];
}

interface LaidBatch {
  readonly batch: PlanBatch;
  readonly fill: readonly Position[];
  readonly commands: readonly Position[];
  readonly take: readonly Position[];
}

function layBatch(
  units: readonly WorkUnit[],
  group: readonly number[],
  batch: number,
  resources: Resource[],
  calls: KernelCall[],
  kept: ReadonlyMap<string, number>,
): LaidBatch {
  const members = group.flatMap((index) => {
    const unit = units[index];
    return unit ? [{ index, unit }] : [];
  });
  const dispatchCount = members.reduce((sum, { unit }) => sum + unit.steps.length, 0);
  const uploadBytes = members.reduce((sum, { unit }) => sum + uploadSize(unit), 0);
  const downloadBytes = members.reduce((sum, { unit }) => sum + downloadSize(unit), 0);
  const add = (usage: Resource["usage"], bytes: number, name: string): number => {
    if (bytes === 0) return -1;
    return resources.push({ usage, bytes, name }) - 1;
  };
  const upload = add("upload", uploadBytes, `batch ${batch} upload`);
  const uniform = add("uniform", dispatchCount * paramsStride, `batch ${batch} params`);
  const readback = add("readback", downloadBytes, `batch ${batch} readback`);

  // All copies in, then all dispatches, then all copies out: one compute pass a submit.
  const [copiesIn, dispatches, copiesOut]: [Command[], Command[], Command[]] = [[], [], []];
  const params: number[] = [];
  const uploads: PlanBatch["uploads"][number][] = [];
  const downloads: PlanBatch["downloads"][number][] = [];
  let [uploadAt, downloadAt] = [dispatchCount * paramsStride, 0];
  if (dispatchCount > 0) {
    copiesIn.push({ kind: "copy", from: upload, fromOffset: 0, to: uniform, toOffset: 0, bytes: uploadAt });
  }
  for (const { index, unit } of members) {
    const buffers = new Map(
      Object.entries(unit.buffers).map(([name, bytes]) => [
        name,
        { slot: add("storage", bytes, `${unit.id} ${name}`), bytes },
      ]),
    );
    const bufferOf = (name: string): { slot: number; bytes: number } => buffers.get(name) ?? { slot: -1, bytes: 0 };
    for (const { buffer, data } of unit.uploads) {
      const { slot, bytes } = bufferOf(buffer);
      const length = dataBytes(data);
      const copied = alignUp(length, 4);
      uploads.push({ unit: index, data, offset: uploadAt, bytes: length });
      copiesIn.push({ kind: "copy", from: upload, fromOffset: uploadAt, to: slot, toOffset: 0, bytes: copied });
      if (copied < bytes) copiesIn.push({ kind: "clear", slot, offset: copied, bytes: bytes - copied });
      uploadAt += alignUp(length, 16);
    }
    for (const use of unit.uses ?? []) {
      const { slot: to, bytes } = bufferOf(use.buffer);
      const from = kept.get(use.kept) ?? -1;
      copiesIn.push({ kind: "copy", from, fromOffset: use.offset, to, toOffset: 0, bytes: use.bytes });
      if (use.bytes < bytes) copiesIn.push({ kind: "clear", slot: to, offset: use.bytes, bytes: bytes - use.bytes });
    }
    for (const name of unit.zeroed ?? []) copiesIn.push({ kind: "clear", offset: 0, ...bufferOf(name) });
    for (const { call, bindings } of unit.steps) {
      const offset = params.length * paramsStride;
      const id = calls.push(call) - 1;
      params.push(id);
      dispatches.push({
        kind: "dispatch",
        call: id,
        params: { slot: uniform, offset },
        bindings: bindings.map(bufferOf),
      });
    }
    for (const keep of unit.keeps ?? []) {
      const from = bufferOf(keep.buffer).slot;
      const to = kept.get(keep.kept) ?? -1;
      copiesOut.push({ kind: "copy", from, fromOffset: 0, to, toOffset: keep.offset, bytes: keep.bytes });
    }
    for (const { buffer, offset, bytes, target } of unit.downloads) {
      const from = bufferOf(buffer).slot;
      copiesOut.push({
        kind: "copy",
        from,
        fromOffset: offset,
        to: readback,
        toOffset: downloadAt,
        bytes: alignUp(bytes, 4),
      });
      downloads.push({ unit: index, target, offset: downloadAt, bytes });
      downloadAt += alignUp(bytes, 16);
    }
  }
  // The host gets staging back when a submit is done, not when a command in it is; so it counts as live
  // for the whole batch, and rings of equal batches keep their slots.
  const holds = [upload, uniform, readback].filter((resource) => resource >= 0);
  const commands = [...copiesIn, ...dispatches, ...copiesOut];
  const positions = commands.map((command, at): Position => {
    const isEdge = at === 0 || at === commands.length - 1;
    return isEdge ? { kind: "command", batch, command, holds } : { kind: "command", batch, command };
  });
  return {
    batch: { units: group, params, uploads, downloads, uploadBytes, downloadBytes },
    fill: upload < 0 ? [] : [{ kind: "fill", batch, slot: upload }],
    commands: positions,
    take: [{ kind: "take", batch, ...(readback < 0 ? {} : { slot: readback }) }],
  };
}
