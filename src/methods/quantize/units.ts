// Packed weights to work units: for every chunk the upload, the kernels that pack it, the kernels that
// measure the error, and the downloads. Pure; holds no buffer and no device.
import type { DeviceProfile } from "../../base/profile.ts";
import { InternalError } from "../../base/errors.ts";
import type { Download, Step, Upload, WorkUnit } from "../../plan/types.ts";
import { affineEncodeSteps, affineErrorSteps, affineStoredSteps, namesOf } from "./affine-steps.ts";
import { castEncodeSteps, castErrorSteps, widenSteps } from "./cast-steps.ts";
import type { Chunk, Placement } from "./chunks.ts";
import type { EncodeRequest, EncodeSteps } from "./encoding.ts";
import { joined, type StepsPiece } from "./group-steps.ts";
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

/** Builds the units of a packed weight, one for each chunk of whole groups. */
export function quantizeUnits(profile: DeviceProfile, packed: PackedWeight, chunks: readonly Chunk[]): QuantizeUnits {
  const made = chunks.map((chunk) => unitOf(profile, packed, chunk));
  return { units: made.map(({ unit }) => unit), results: made.map(({ result }) => result) };
}

/** What brings a chunk's elements to the device, as f32 in the order of its geometry, in the buffer `source`. */
export function sourcePiece(
  profile: DeviceProfile,
  { sourceType }: PackedWeight,
  { elements, read, transpose }: Chunk,
): { readonly piece: StepsPiece; readonly source: string } {
  const half = sourceType === "f32" ? undefined : sourceType;
  const raw = half ? "raw" : "source";
  const pieces: Partial<StepsPiece>[] = [
    { buffers: { [raw]: ceil4(elements * (half ? 2 : 4)) }, uploads: [{ buffer: raw, data: read }] },
  ];
  if (half) {
    const request = { from: half, source: raw, target: "source", count: elements, prefix: "widen." };
    pieces.push(widenSteps(profile, request));
  }
  if (!transpose) return { piece: joined(...pieces), source: "source" };
  const request = { ...transpose, source: "source", target: "transposed" };
  return { piece: joined(...pieces, transposeSteps(profile, request)), source: "transposed" };
}

/** A unit's name, and what progress calls it. */
export const namesOfUnit = ({ id, source }: PackedWeight, { index, count }: Chunk): { id: string; label: string } =>
  count > 1 ? { id: `${id}#${index}`, label: `${source} (${index + 1} of ${count})` } : { id, label: source };

/** Downloads of an encoded chunk's parts and error records, and what they mean. */
export function deliveries(
  id: string,
  packed: PackedWeight,
  chunk: Chunk,
  encoded: EncodeSteps,
  errors: ErrorSteps,
  names: readonly PartName[] = ["codes", "scales", "zeroPoints"],
): { readonly downloads: readonly Download[]; readonly result: UnitResult } {
  const downloads: Download[] = [];
  const parts: Partial<Record<PartName, string>> = {};
  for (const name of names) {
    const part = encoded[name];
    if (!part || !packed.parts[name]) continue;
    const target = `${id}/${name}`;
    parts[name] = target;
    downloads.push({ buffer: part.buffer, offset: 0, bytes: part.bytes, target });
  }
  const records = `${id}/errors`;
  downloads.push({ buffer: errors.records.buffer, offset: 0, bytes: errors.records.bytes, target: records });
  return { downloads, result: { unit: id, packed, chunk, parts, records } };
}

function unitOf(profile: DeviceProfile, packed: PackedWeight, chunk: Chunk): { unit: WorkUnit; result: UnitResult } {
  const { piece, source } = sourcePiece(profile, packed, chunk);
  const request: EncodeRequest = {
    encoding: packed.encoding,
    geometry: chunk.geometry,
    layout: packed.layout,
    search: packed.search,
    scaleType: packed.scaleType,
    source,
    prefix: "q.",
  };
  const { encoded, errors } = packed.given
    ? givenSteps(profile, request, packed, chunk)
    : encodeSteps(profile, request);
  const { id, label } = namesOfUnit(packed, chunk);
  const { downloads, result } = deliveries(id, packed, chunk, encoded, errors);
  return { unit: { id, label, ...joined(piece, encoded, errors), downloads }, result };
}

const partOf = (source: string, { offset, rowBytes, rows, stride }: Placement, times = 1): Upload["data"] => ({
  kind: "read",
  source,
  offset: offset * times,
  rowBytes: rowBytes * times,
  rows,
  rowStride: stride * times,
});

/** Codes, scales and zero points of a chunk that are given, taken from where they lie among all of the weight's. */
function givenSteps(
  profile: DeviceProfile,
  request: EncodeRequest,
  { given, scaleType }: PackedWeight,
  { placements: { codes, scales } }: Chunk,
): { encoded: EncodeSteps; errors: ErrorSteps } {
  if (!given || !codes || !scales) throw new InternalError("A weight with given codes lacks a place for them.");
  const encoded = affineStoredSteps(profile, request);
  const names = namesOf(request);
  // Given as f32 and i32 whatever the file stores.
  const words = scaleType === "f16" ? 2 : 1;
  const uploads: Upload[] = [
    { buffer: names.codes, data: partOf(given.codes, codes) },
    { buffer: names.scales, data: partOf(given.scales, scales, words) },
    { buffer: names.zeros, data: partOf(given.zeros, scales, words) },
  ];
  return {
    encoded: { ...encoded, uploads: [...uploads, ...encoded.uploads] },
    errors: affineErrorSteps(request, encoded),
  };
}
