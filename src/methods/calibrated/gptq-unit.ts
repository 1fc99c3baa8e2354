// One layer's GPTQ as a work unit: the weight and the second moments of its inputs go up; codes, scales and zero
// points come down, of GPTQ and of plain rounding, and what each of the two does to the layer's outputs.
import type { DeviceProfile } from "../../base/profile.ts";
import { copyWordsCall } from "../../kernels/util/copy-words.ts";
import { affineDecodeCall } from "../../kernels/quantize/affine-decode.ts";
import { affineEncodeCall } from "../../kernels/quantize/affine-encode.ts";
import type { AffineRule } from "../../kernels/quantize/affine-rule.ts";
import type { Download, ReadRef, WorkUnit } from "../../plan/types.ts";
import { affineEncodeSteps, affineOf, namesOf } from "../quantize/affine-steps.ts";
import type { Chunk } from "../quantize/chunks.ts";
import type { EncodeRequest } from "../quantize/encoding.ts";
import { joined, type StepsPiece } from "../quantize/group-steps.ts";
import type { PackedWeight } from "../quantize/packed.ts";
import { sourcePiece } from "../quantize/units.ts";
import { factorSteps } from "./factor-steps.ts";
import { sweepSteps, type MatrixView } from "./gptq-steps.ts";
import { weightedErrorSteps } from "./weighted-error.ts";

export interface GptqOptions {
  /** Channels of large inputs first (default); scales are then those of plain rounding. */
  readonly actOrder?: boolean;
  /** Scales of plain rounding, with its search, in place of each group's when it comes up. */
  readonly staticScales?: boolean;
  /** Without `actOrder` and `staticScales`: ranges to try for each group's scale as it comes up; default 12. */
  readonly clips?: number;
  /** `false`: without the errors of GPTQ and of plain rounding, which cost two more products of the weight's size. */
  readonly measure?: boolean;
}

/** Source keys of a unit's uploads beside the weight itself. */
export const gptqSources = {
  /** Prepared, f32 [line, line]. */
  matrix: "gptq/matrix",
  /** u32 [k]. */
  order: "gptq/order",
  /** As given, f32 [k, k], scaled as the prepared one. */
  hessian: "gptq/hessian",
  /** f32 [k]: the diagonal, as importance of plain rounding's scale search. */
  importance: "gptq/importance",
} as const;

/** Download targets. */
export const gptqTargets = {
  codes: "codes",
  /** Codes of the scale search weighted by importance, under the same scales; where `isWeighted` says so. */
  weightedCodes: "weightedCodes",
  scales: "scales",
  zeros: "zeros",
  /** u32: pivots that were not positive. */
  bad: "bad",
  plainError: "plainError",
  error: "error",
} as const;

const wholeRead = (source: string, bytes: number): ReadRef => ({
  kind: "read",
  source,
  offset: 0,
  rowBytes: bytes,
  rows: 1,
  rowStride: 0,
});

/** Whether the unit's plain rounding searches its scales by the importance of channels. */
export function isWeighted(
  { search, geometry }: PackedWeight,
  { k, blockSize }: MatrixView,
  options: GptqOptions,
): boolean {
  const { actOrder = true, staticScales = false } = options;
  const given = actOrder || staticScales || blockSize >= k;
  return given && geometry.kind === "blocked" && (search.kind === "mse" || search.kind === "hqq");
}

const download = (buffer: string, bytes: number, target: string): Download => ({ buffer, offset: 0, bytes, target });

/**
 * The unit of a whole weight.
 * @throws UnsupportedError where a buffer or an index would pass the device's limits
 */
export function gptqUnit(
  profile: DeviceProfile,
  packed: PackedWeight,
  chunk: Chunk,
  view: MatrixView,
  options: GptqOptions = {},
): WorkUnit {
  const { actOrder = true, staticScales = false, clips = 12, measure = true } = options;
  const { n, k } = view;
  const line = Math.ceil(k / 4) * 4;
  const { piece, source } = sourcePiece(profile, packed, chunk);
  const finds = !actOrder && !staticScales && view.blockSize < k;
  const weighs = isWeighted(packed, view, options);
  const request: EncodeRequest = {
    encoding: packed.encoding,
    geometry: chunk.geometry,
    layout: packed.layout,
    search: packed.search,
    scaleType: packed.scaleType,
    source,
    prefix: "q.",
    ...(weighs ? { importance: "importance" } : {}),
  };
  const { bits, signed, scheme, rounding } = affineOf(request);
  const rule: AffineRule = { bits, signed, scheme, rounding, halfScales: packed.scaleType === "f16" };
  const names = namesOf(request);
  const plain = affineEncodeSteps(profile, request);
  const weight = "gptq.weight";
  const bytes = 4 * Math.ceil((n * k) / 4) * 4;
  const own: Partial<StepsPiece> = {
    buffers: {
      matrix: 4 * line * line,
      order: 4 * k,
      [weight]: bytes,
      "gptq.codes": plain.buffers[names.codes] ?? 0,
      bad: 4,
      ...(measure ? { hessian: 4 * k * k, "plain.values": bytes } : {}),
      ...(weighs ? { importance: 4 * k } : {}),
    },
    uploads: [
      { buffer: "matrix", data: wholeRead(gptqSources.matrix, 4 * line * line) },
      { buffer: "order", data: wholeRead(gptqSources.order, 4 * k) },
      ...(measure ? [{ buffer: "hessian", data: wholeRead(gptqSources.hessian, 4 * k * k) } as const] : []),
      { buffer: "bad", data: { kind: "inline", words: [0] } },
      ...(weighs ? [{ buffer: "importance", data: wholeRead(gptqSources.importance, 4 * k) } as const] : []),
    ],
  };
  const plainError = weightedErrorSteps(
    profile,
    view,
    { before: source, after: "plain.values", hessian: "hessian" },
    "plain.",
  );
  const error = weightedErrorSteps(profile, view, { before: source, after: weight, hessian: "hessian" }, "gptq.");
  const decode: Partial<StepsPiece> = {
    steps: [
      {
        call: affineDecodeCall(chunk.geometry, packed.layout, rule),
        bindings: [plain.codes.buffer, plain.scales?.buffer ?? names.scales, zerosOf(plain), "plain.values"],
      },
    ],
    // Where no zero points are packed the kernel reads none, but a binding must be filled.
    buffers: plain.zeroPoints ? {} : { "q.noZeros": 4 },
  };
  const encode: Partial<StepsPiece> = {
    steps: [
      {
        call: affineEncodeCall(chunk.geometry, packed.layout, rule),
        bindings: [weight, names.scales, names.zeros, "gptq.codes"],
      },
    ],
  };
  const groups = (plain.buffers[names.scales] ?? 0) / 4;
  const all = joined(
    // Copies move whole vectors of four.
    { ...piece, buffers: { ...piece.buffers, [source]: Math.max(piece.buffers[source] ?? 0, bytes) } },
    own,
    plain,
    ...(measure ? [decode, plainError.piece] : []),
    { steps: [{ call: copyWordsCall(n * k), bindings: [source, weight] }] },
    factorSteps(profile, line, "matrix", "bad"),
    sweepSteps(
      profile,
      view,
      rule,
      { factor: "matrix", order: "order", weight, scales: names.scales, zeros: names.zeros },
      finds ? clips : undefined,
    ),
    encode,
    ...(measure ? [error.piece] : []),
  );
  return {
    id: packed.id,
    label: packed.source,
    ...all,
    downloads: [
      download("gptq.codes", plain.codes.bytes, gptqTargets.codes),
      ...(weighs ? [download(names.codes, plain.codes.bytes, gptqTargets.weightedCodes)] : []),
      download(names.scales, 4 * groups, gptqTargets.scales),
      download(names.zeros, 4 * groups, gptqTargets.zeros),
      download("bad", 4, gptqTargets.bad),
      ...(measure
        ? [
            download(plainError.buffer, plainError.bytes, gptqTargets.plainError),
            download(error.buffer, error.bytes, gptqTargets.error),
          ]
        : []),
    ],
  };
}

const zerosOf = ({ zeroPoints }: ReturnType<typeof affineEncodeSteps>): string => zeroPoints?.buffer ?? "q.noZeros";
