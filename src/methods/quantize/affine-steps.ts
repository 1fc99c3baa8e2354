// Affine integer encodings as steps of a work unit: range, scale and zero point, an optional search that
// refines them in place, codes, and the error. Blocks go through one fused kernel, which writes the same bytes as
// the steps, once more after a search. Wide groups larger than the device's share of memory come in chunks: their
// ranges are folded and searched by cut-units.ts, and here is what encodes a chunk under the scales found.
import { InternalError } from "../../base/errors.ts";
import type { DeviceProfile } from "../../base/profile.ts";
import { affineBlockCall, fitsAffineBlock } from "../../kernels/quantize/affine-block.ts";
import { affineBlockErrorBytes, affineBlockErrorCall } from "../../kernels/quantize/affine-block-error.ts";
import { affineEncodeCall } from "../../kernels/quantize/affine-encode.ts";
import { affineErrorBytes, affineErrorCall } from "../../kernels/quantize/affine-error.ts";
import type { AffineRule } from "../../kernels/quantize/affine-rule.ts";
import { affineScaleCall, affineScaleSpec } from "../../kernels/quantize/affine-scale.ts";
import { codeCount, groupCount } from "../../kernels/quantize/geometry.ts";
import { groupRangeCall, rangeCut } from "../../kernels/quantize/group-range.ts";
import { packZeroPointsCall, packZeroPointsSpec, zeroPointBytes } from "../../kernels/quantize/pack-zero-points.ts";
import { mergeSpan, rangeMergeCall, rangeMergeSpec } from "../../kernels/quantize/range-merge.ts";
import { packedBytes } from "../../kernels/quantize/shape.ts";
import type { Step } from "../../plan/types.ts";
import type { AffineEncoding, EncodeRequest, EncodeSteps } from "./encoding.ts";
import type { RecordSteps } from "./error-steps.ts";
import { fitting, joined, part, storedScales, type StepsPiece } from "./group-steps.ts";
import { kernelStep, wordBytes } from "./kernel-step.ts";
import { searchSteps } from "./search-steps.ts";

export function affineOf(request: EncodeRequest): AffineEncoding {
  if (request.encoding.kind === "affine") return request.encoding;
  throw new InternalError(`affineEncodeSteps was asked for encoding "${request.encoding.kind}".`);
}

function ruleOf(request: EncodeRequest): AffineRule {
  const { bits, signed, scheme, rounding } = affineOf(request);
  return { bits, signed, scheme, rounding, halfScales: request.scaleType === "f16" };
}

interface Names {
  readonly codes: string;
  /** f32 per group, holding f16 values where f16 is stored. */
  readonly scales: string;
  /** i32 per group. */
  readonly zeros: string;
}

/** Where the steps of a request keep codes, scales and zero points. */
export const namesOf = ({ prefix }: EncodeRequest): Names => ({
  codes: `${prefix}codes`,
  scales: `${prefix}scales`,
  zeros: `${prefix}zeros`,
});

/**
 * Codes, scales and zero points of f32 elements. `scales` are f32 or f16 as asked, one per group in the order of the
 * layout; `zeroPoints`, packed, are there for asymmetric and for unsigned codes.
 * @throws UnsupportedError where a buffer or an index would pass the device's limits
 */
export function affineEncodeSteps(profile: DeviceProfile, request: EncodeRequest): EncodeSteps {
  const { geometry, layout } = request;
  const [rule, names] = [ruleOf(request), namesOf(request)];
  const encode = fitsAffineBlock(geometry, layout, rule.bits)
    ? fusedPieces(profile, request, rule, names)
    : stagedPieces(profile, request, rule, names);
  return encodedBy(profile, request, encode);
}

/**
 * The same of a chunk of larger groups, under scales and zero points that are in their buffers already.
 * @throws UnsupportedError where a buffer or an index would pass the device's limits
 */
export function affineGivenSteps(profile: DeviceProfile, request: EncodeRequest): EncodeSteps {
  return encodedBy(profile, request, [encodePiece(request, ruleOf(request), namesOf(request))]);
}

/**
 * Stores codes, scales and zero points that are in their buffers already.
 * @throws UnsupportedError where a buffer or an index would pass the device's limits
 */
export const affineStoredSteps = (profile: DeviceProfile, request: EncodeRequest): EncodeSteps =>
  encodedBy(profile, request, []);

/** Buffers of the codes and their scales, what fills them, and what stores scales and zero points. */
function encodedBy(
  profile: DeviceProfile,
  request: EncodeRequest,
  encode: readonly Partial<StepsPiece>[],
): EncodeSteps {
  const { geometry, layout, scaleType } = request;
  const [rule, names] = [ruleOf(request), namesOf(request)];
  const groups = groupCount(geometry);
  const codeBytes = packedBytes(codeCount(geometry, layout), rule.bits);
  const own: Partial<StepsPiece> = {
    buffers: { [names.codes]: codeBytes, [names.scales]: groups * 4, [names.zeros]: groups * 4 },
  };
  const stored = storedScales(profile, names.scales, groups, scaleType);
  const codes = part(names.codes, Math.ceil((codeCount(geometry, layout) * rule.bits) / 8));
  const encoded = { codes, scales: stored.stored };
  if (rule.signed && rule.scheme !== "asymmetric") {
    return { ...fitting(profile, joined(own, ...encode, stored.piece)), ...encoded };
  }
  const packed = `${request.prefix}packedZeros`;
  const bytes = zeroPointBytes(geometry, layout, rule.bits);
  const pack: Partial<StepsPiece> = {
    buffers: { [packed]: wordBytes(bytes) },
    steps: [
      kernelStep(profile, packZeroPointsSpec, packZeroPointsCall(geometry, layout, rule.bits), [names.zeros, packed]),
    ],
  };
  return {
    ...fitting(profile, joined(own, ...encode, stored.piece, pack)),
    ...encoded,
    zeroPoints: part(packed, bytes),
  };
}

/** One kernel from source to codes, which picks its own variant by shape; after a search again under its scales. */
function fusedPieces(
  profile: DeviceProfile,
  request: EncodeRequest,
  rule: AffineRule,
  names: Names,
): readonly Partial<StepsPiece>[] {
  const { geometry, layout, search, source } = request;
  const bindings = [source, names.codes, names.scales, names.zeros];
  const encode = (given: boolean): Partial<StepsPiece> => ({
    steps: [{ call: affineBlockCall(geometry, layout, rule, undefined, { given }), bindings }],
  });
  if (search.kind === "absmax") return [encode(false)];
  return [encode(false), refinePiece(profile, request, names), encode(true)];
}

function refinePiece(profile: DeviceProfile, request: EncodeRequest, { scales, zeros }: Names): Partial<StepsPiece> {
  const { geometry, layout, search, scaleType, source, importance, prefix } = request;
  if (search.kind === "absmax") return {};
  return searchSteps(profile, {
    encoding: affineOf(request),
    geometry,
    layout,
    search,
    scaleType,
    source,
    scales,
    zeroPoints: zeros,
    ...(importance === undefined ? {} : { importance }),
    prefix,
  });
}

/** Range, scale, search and codes one after another. */
function stagedPieces(
  profile: DeviceProfile,
  request: EncodeRequest,
  rule: AffineRule,
  names: Names,
): readonly Partial<StepsPiece>[] {
  const range = rangePiece(profile, request);
  return [
    range.piece,
    { steps: [scaleStep(profile, request, range.ranges)] },
    refinePiece(profile, request, names),
    encodePiece(request, rule, names),
  ];
}

function encodePiece(
  { geometry, layout, source }: EncodeRequest,
  rule: AffineRule,
  { codes, scales, zeros }: Names,
): Partial<StepsPiece> {
  // It picks its own variant by shape, as the other kernels of codes do.
  return { steps: [{ call: affineEncodeCall(geometry, layout, rule), bindings: [source, scales, zeros, codes] }] };
}

/** Sets scales and zero points of all groups by their ranges. */
export function scaleStep(profile: DeviceProfile, request: EncodeRequest, ranges: string): Step {
  const { scales, zeros } = namesOf(request);
  const call = affineScaleCall(groupCount(request.geometry), ruleOf(request));
  return kernelStep(profile, affineScaleSpec, call, [ranges, scales, zeros]);
}

/** Ranges of all groups, segments of long ones folded in a tree. */
export function rangePiece(
  profile: DeviceProfile,
  { geometry, layout, source, prefix }: Pick<EncodeRequest, "geometry" | "layout" | "source" | "prefix">,
): { readonly piece: Partial<StepsPiece>; readonly ranges: string } {
  const groups = groupCount(geometry);
  const cut = rangeCut(geometry);
  let ranges = `${prefix}ranges`;
  const buffers: Record<string, number> = { [ranges]: groups * cut.segments * 8 };
  const steps: Step[] = [{ call: groupRangeCall(geometry, layout, cut), bindings: [source, ranges] }];
  for (let count = cut.segments, level = 1; count > 1; count = Math.ceil(count / mergeSpan), level++) {
    const merged = `${prefix}ranges${level}`;
    buffers[merged] = groups * Math.ceil(count / mergeSpan) * 8;
    steps.push(kernelStep(profile, rangeMergeSpec, rangeMergeCall(groups, count), [ranges, merged]));
    ranges = merged;
  }
  return { piece: { buffers, steps }, ranges };
}

/**
 * Error records of what affineEncodeSteps left, read by `foldErrorRecords`. The fingerprint is that of
 * fround((code - zero point) * scale) with the scale as stored.
 */
export function affineErrorSteps(request: EncodeRequest, encoded: EncodeSteps): RecordSteps {
  const { geometry, layout, source, prefix } = request;
  const { scales, zeros } = namesOf(request);
  const buffer = `${prefix}errors`;
  const rule = ruleOf(request);
  const bindings = [source, encoded.codes.buffer, scales, zeros, buffer];
  if (geometry.kind === "blocked" && fitsAffineBlock(geometry, layout, rule.bits)) {
    const bytes = affineBlockErrorBytes(geometry);
    const steps = [{ call: affineBlockErrorCall(geometry, layout, rule), bindings }];
    return { buffers: { [buffer]: bytes }, steps, records: { buffer, bytes } };
  }
  const bytes = affineErrorBytes(geometry);
  const steps = [{ call: affineErrorCall(geometry, layout, rule), bindings }];
  return { buffers: { [buffer]: bytes }, steps, records: { buffer, bytes } };
}
