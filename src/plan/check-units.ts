// Refuses work units that break their contract (a bug of the method that made them) or that no device
// with this profile can hold (the user's budget or the adapter is too small).
import { formatBytes } from "../base/size.ts";
import { InternalError, OutOfMemoryError } from "../base/errors.ts";
import type { DeviceProfile } from "../base/profile.ts";
import { paramsStride } from "./types.ts";
import type { InlineRef, Kept, ReadRef, WorkUnit } from "./types.ts";

/** Bytes that an upload's data fills, before padding to a multiple of 4. */
export function dataBytes(data: ReadRef | InlineRef): number {
  return data.kind === "inline" ? data.words.length * 4 : data.rowBytes * data.rows;
}

/** Rounds up to a multiple of `alignment`. */
export function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}

/**
 * Checks all units.
 * @throws InternalError for a broken contract; OutOfMemoryError for a buffer beyond the device's limits,
 *   with details unit, buffer, limit, neededBytes, availableBytes
 */
export function checkUnits(units: readonly WorkUnit[], { limits }: Pick<DeviceProfile, "limits">): void {
  const ids = new Set<string>();
  const keptBytes = new Map<string, number>();
  for (const unit of units) {
    if (ids.has(unit.id)) throw broken(unit, "its id is taken by another unit");
    ids.add(unit.id);
    checkNames(unit);
    checkRanges(unit);
    checkKept(unit, keptBytes);
    const bound = new Set(unit.steps.flatMap(({ bindings }) => bindings));
    for (const [name, bytes] of Object.entries(unit.buffers)) {
      if (bound.has(name)) demand(unit, name, bytes, "maxStorageBufferBindingSize", limits.maxStorageBufferBindingSize);
      demand(unit, name, bytes, "maxBufferSize", limits.maxBufferSize);
    }
    demand(unit, "upload staging", uploadSize(unit), "maxBufferSize", limits.maxBufferSize);
    demand(unit, "readback staging", downloadSize(unit), "maxBufferSize", limits.maxBufferSize);
  }
}

/** Bytes of a unit in an upload slot: params, then data, each piece aligned to 16. */
export function uploadSize(unit: WorkUnit): number {
  const data = unit.uploads.reduce((sum, upload) => sum + alignUp(dataBytes(upload.data), 16), 0);
  return unit.steps.length * paramsStride + data;
}

/** Bytes of a unit in a readback slot. */
export function downloadSize(unit: WorkUnit): number {
  return unit.downloads.reduce((sum, { bytes }) => sum + alignUp(bytes, 16), 0);
}

function checkNames(unit: WorkUnit): void {
  const known = new Set(Object.keys(unit.buffers));
  const uploaded = unit.uploads.map(({ buffer }) => buffer);
  const zeroed = unit.zeroed ?? [];
  const used = (unit.uses ?? []).map(({ buffer }) => buffer);
  const left = [...unit.downloads, ...(unit.keeps ?? [])].map(({ buffer }) => buffer);
  const named = [...uploaded, ...zeroed, ...used, ...left];
  const strange = [...named, ...unit.steps.flatMap(({ bindings }) => bindings)].find((name) => !known.has(name));
  if (strange !== undefined) throw broken(unit, `it names a buffer "${strange}" that it does not declare`);
  const initialised = [...uploaded, ...zeroed, ...used];
  if (new Set(initialised).size < initialised.length) throw broken(unit, "a buffer is uploaded, zeroed or used twice");
  for (const { call, bindings } of unit.steps) {
    if (new Set(bindings).size < bindings.length) throw broken(unit, `${call.kernel} binds one buffer twice`);
    if (!(call.workgroups >= 1)) throw broken(unit, `${call.kernel} is dispatched with no workgroups`);
  }
}

function checkRanges(unit: WorkUnit): void {
  const sizeOf = (name: string): number => unit.buffers[name] ?? 0;
  for (const [name, bytes] of Object.entries(unit.buffers)) {
    if (!isCount(bytes) || bytes === 0 || bytes % 4 !== 0) throw broken(unit, `"${name}" has ${bytes} bytes`);
  }
  for (const { buffer, data } of unit.uploads) {
    const bytes = dataBytes(data);
    const fits = isCount(bytes) && bytes > 0 && bytes <= sizeOf(buffer);
    if (!fits) throw broken(unit, `${bytes} bytes are uploaded to "${buffer}" of ${sizeOf(buffer)}`);
  }
  for (const { buffer, offset, bytes } of unit.downloads) {
    const fits = isCount(offset) && offset % 4 === 0 && isCount(bytes) && bytes > 0;
    if (!fits || offset + bytes > sizeOf(buffer)) {
      throw broken(unit, `bytes ${offset} to ${offset + bytes} of "${buffer}" can't be downloaded`);
    }
  }
}

/** @param keptBytes what earlier units have kept, by name; this unit's is added */
function checkKept({ uses = [], keeps = [], ...unit }: WorkUnit, keptBytes: Map<string, number>): void {
  const check = ({ buffer, kept, offset, bytes }: Kept, available: number): void => {
    const isWhole = isCount(offset) && offset % 4 === 0 && isCount(bytes) && bytes > 0 && bytes % 4 === 0;
    if (isWhole && bytes <= (unit.buffers[buffer] ?? 0) && offset + bytes <= available) return;
    throw broken(unit, `bytes ${offset} to ${offset + bytes} of "${kept}" can't be moved to or from "${buffer}"`);
  };
  for (const use of uses) check(use, keptBytes.get(use.kept) ?? 0);
  for (const keep of keeps) {
    check(keep, Number.POSITIVE_INFINITY);
    keptBytes.set(keep.kept, Math.max(keptBytes.get(keep.kept) ?? 0, keep.offset + keep.bytes));
  }
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function broken(unit: Pick<WorkUnit, "id">, what: string): InternalError {
  return new InternalError(`Work unit ${unit.id} is malformed: ${what}.`, { details: { unit: unit.id } });
}

function demand(unit: WorkUnit, what: string, bytes: number, limit: string, available: number): void {
  if (bytes <= available) return;
  throw new OutOfMemoryError(
    `${unit.label} needs ${formatBytes(bytes)} for "${what}"; this device allows ${formatBytes(available)}.`,
    {
      hint: "Cut the tensor into smaller chunks (a smaller memory budget does), or use another adapter.",
      details: { unit: unit.id, buffer: what, limit, neededBytes: bytes, availableBytes: available },
    },
  );
}
