// Packed weights to work units: for every chunk the upload, the kernels that pack it, the kernels that
// measure the error, and the downloads. Pure; holds no buffer and no device.
import type { DeviceProfile } from "../../base/profile.ts";
import { InternalError } from "../../base/errors.ts";
import type { Download, Step, Upload, WorkUnit } from "../../plan/types.ts";
import { affineEncodeSteps, affineErrorSteps } from "./affine-steps.ts";
import { castEncodeSteps, castErrorSteps, widenSteps } from "./cast-steps.ts";
import { chunksOf, type Chunk } from "./chunks.ts";
import type { EncodeRequest, EncodeSteps } from "./encoding.ts";
import type { PackedWeight, PartName } from "./packed.ts";
import { tableEncodeSteps, tableErrorSteps } from "./table-steps.ts";
import { transposeSteps } from "./transpose-steps.ts";

/** What one unit's downloads mean to the caller. */
export interface UnitResult {
  readonly unit: string;
  readonly packed: PackedWeight;
  readonly chunk: Chunk;
  /** Download target of each packed part. */
  readonly parts: Readonly<Partial<Record<PartName, string>>>;
  /** Download target of the error records. */
  readonly records: string;
}

export interface QuantizeUnits {
  readonly units: readonly WorkUnit[];
  readonly results: readonly UnitResult[];
}

const ceil4 = (bytes: number): number => Math.ceil(bytes / 4) * 4;

/** Steps that measure what an encoding lost, whichever family it is of. */
export interface ErrorSteps {
  readonly buffers: Readonly<Record<string, number>>;
  readonly steps: readonly Step[];
  readonly records: { readonly buffer: string; readonly bytes: number };
}

function encodeSteps(profile: DeviceProfile, request: EncodeRequest): { encoded: EncodeSteps; errors: ErrorSteps } {
  const { kind } = request.encoding;
  if (kind === "affine") {
    const encoded = affineEncodeSteps(profile, request);
    return { encoded, errors: affineErrorSteps(request, encoded) };
  }
  if (kind === "table") {
    const encoded = tableEncodeSteps(profile, request);
    return { encoded, errors: tableErrorSteps(profile, request, encoded) };
  }
  if (kind === "cast") {
    const encoded = castEncodeSteps(profile, request);
    return { encoded, errors: castErrorSteps(profile, request, encoded) };
  }
  throw new InternalError(`Encoding "${kind}" has no file format yet.`);
}

/** Builds the units of all packed weights; no unit reads more than `maxElements` source elements. */
export function quantizeUnits(
  profile: DeviceProfile,
  packed: readonly PackedWeight[],
  maxElements: number,
): QuantizeUnits {
  const units: WorkUnit[] = [];
  const results: UnitResult[] = [];
  for (const weight of packed) {
    for (const chunk of chunksOf(weight, maxElements)) {
      const { unit, result } = unitOf(profile, weight, chunk);
      units.push(unit);
      results.push(result);
    }
  }
  return { units, results };
}

function unitOf(profile: DeviceProfile, packed: PackedWeight, chunk: Chunk): { unit: WorkUnit; result: UnitResult } {
  const buffers: Record<string, number> = {};
  const uploads: Upload[] = [];
  const steps: Step[] = [];
  const add = (part: {
    buffers: Readonly<Record<string, number>>;
    uploads?: readonly Upload[];
    steps: readonly Step[];
  }): void => {
    Object.assign(buffers, part.buffers);
    uploads.push(...(part.uploads ?? []));
    steps.push(...part.steps);
  };
  const half = packed.sourceType === "f32" ? undefined : packed.sourceType;
  let source = half ? "raw" : "source";
  buffers[source] = ceil4(chunk.elements * (half ? 2 : 4));
  uploads.push({ buffer: source, data: chunk.read });
  if (half) {
    const widened = widenSteps(profile, {
      from: half,
      source,
      target: "source",
      count: chunk.elements,
      prefix: "widen.",
    });
    buffers["source"] = chunk.elements * 4;
    add(widened);
    source = "source";
  }
  if (chunk.transpose) {
    buffers["transposed"] = chunk.elements * 4;
    add(transposeSteps(profile, { ...chunk.transpose, source, target: "transposed" }));
    source = "transposed";
  }
  const request: EncodeRequest = {
    encoding: packed.encoding,
    geometry: chunk.geometry,
    layout: packed.layout,
    search: packed.search,
    scaleType: packed.scaleType,
    source,
    prefix: "q.",
  };
  const { encoded, errors } = encodeSteps(profile, request);
  add(encoded);
  add(errors);
  const id = chunk.count > 1 ? `${packed.id}#${chunk.index}` : packed.id;
  const downloads: Download[] = [];
  const parts: Partial<Record<PartName, string>> = {};
  for (const name of ["codes", "scales", "zeroPoints"] as const) {
    const part = encoded[name];
    if (!part || !packed.parts[name]) continue;
    const target = `${id}/${name}`;
    parts[name] = target;
    downloads.push({ buffer: part.buffer, offset: 0, bytes: part.bytes, target });
  }
  const records = `${id}/errors`;
  downloads.push({ buffer: errors.records.buffer, offset: 0, bytes: errors.records.bytes, target: records });
  const label = chunk.count > 1 ? `${packed.source} (${chunk.index + 1} of ${chunk.count})` : packed.source;
  return {
    unit: { id, label, buffers, uploads, steps, downloads },
    result: { unit: id, packed, chunk, parts, records },
  };
}
