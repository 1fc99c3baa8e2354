// Scale searches as steps of a work unit: they run between the kernel that sets scales by absmax and the one that
// encodes, and refine scales and zero points in place. Every choice is made in integers, so the outcome is the
// same on every device.
//
// percentile  scale and zero point of the range clipped at the nearest rank; may raise the squared error
// mse         grid over scale and zero point by (weighted) squared error
// hqq         half-quadratic rounds (robust norm); kept where the (weighted) squared error falls too
import { UnsupportedError, UsageError } from "../../base/errors.ts";
import type { DeviceProfile } from "../../base/profile.ts";
import { affineScaleCall } from "../../kernels/quantize/affine-scale.ts";
import { clipBlockCall } from "../../kernels/quantize/clip-block.ts";
import { clipCountWords, clipShifts, clipStateWords } from "../../kernels/quantize/clip-rule.ts";
import { clipWideCountCall } from "../../kernels/quantize/clip-wide-count.ts";
import { clipWidePickCall } from "../../kernels/quantize/clip-wide-pick.ts";
import { groupCount, type CodeLayout, type Geometry, type WideGeometry } from "../../kernels/quantize/geometry.ts";
import { hqqPowers, hqqRounds } from "../../kernels/quantize/hqq-rule.ts";
import { hqqWideStepCall } from "../../kernels/quantize/hqq-wide-step.ts";
import { hqqWideSumsCall } from "../../kernels/quantize/hqq-wide-sums.ts";
import { searchHqqBlockCall } from "../../kernels/quantize/search-hqq-block.ts";
import { searchMseBlockCall } from "../../kernels/quantize/search-mse-block.ts";
import { searchParams, stateWords, sumWords, type SearchStage, type SearchTarget } from "../../kernels/quantize/search-units.ts"; // prettier-ignore
import { searchWidePickCall } from "../../kernels/quantize/search-wide-pick.ts";
import { searchWideSumsCall } from "../../kernels/quantize/search-wide-sums.ts";
import type { Step } from "../../plan/types.ts";
import type { AffineEncoding, ScaleSearch, ScaleType } from "./encoding.ts";
import { fitting, type StepsPiece } from "./group-steps.ts";

export interface SearchRequest {
  readonly encoding: AffineEncoding;
  readonly geometry: Geometry;
  readonly layout: CodeLayout;
  readonly search: ScaleSearch;
  readonly scaleType: ScaleType;
  /** Buffer names: f32 elements; f32[groups] and i32[groups] in layout order, as absmax has set them. */
  readonly source: string;
  readonly scales: string;
  readonly zeroPoints: string;
  /** f32 per index along dim; blocked geometry, mse and hqq only. */
  readonly importance?: string;
  readonly prefix: string;
}

/**
 * Steps that refine `scales` and `zeroPoints` in place; none for absmax.
 * @throws UsageError where the percentile is not in (50, 100]
 * @throws UnsupportedError for importance with wide groups or percentiles, and past the device's limits
 */
export function searchSteps(profile: DeviceProfile, request: SearchRequest): StepsPiece {
  const { search, geometry, importance } = request;
  if (importance !== undefined && (geometry.kind === "wide" || search.kind === "percentile")) {
    throw new UnsupportedError(`Importance has no use with ${geometry.kind} groups and search ${search.kind}.`, {
      hint: "Use blocks with the mse or hqq search, or leave importance out.",
    });
  }
  const builders: Readonly<Record<ScaleSearch["kind"], () => StepsPiece>> = {
    absmax: () => ({ buffers: {}, uploads: [], steps: [] }),
    percentile: () => percentileSteps(request),
    mse: () => mseSteps(request),
    hqq: () => hqqSteps(request),
  };
  return fitting(profile, builders[search.kind]());
}

function targetOf({ encoding, scaleType }: SearchRequest): SearchTarget {
  const { bits, signed, scheme } = encoding;
  const asymmetric = scheme === "asymmetric";
  const lowest = signed || !asymmetric ? -(2 ** (bits - 1)) : 0;
  return {
    bits,
    asymmetric,
    codeMin: lowest,
    codeMax: lowest + 2 ** bits - 1,
    full: scheme === "symmetric-full",
    halfScale: scaleType === "f16",
  };
}

function percentileSteps(request: SearchRequest): StepsPiece {
  const { search, geometry, layout, encoding, scaleType, source, scales, zeroPoints, prefix } = request;
  const percentile = search.kind === "percentile" ? search.percentile : 100;
  if (!(percentile > 50 && percentile <= 100)) {
    throw new UsageError(`Percentile ${percentile} is not in (50, 100].`, { hint: "Try 99.9." });
  }
  const bothEnds = encoding.scheme === "asymmetric";
  const groups = groupCount(geometry);
  const [ranges, state, counts] = [`${prefix}clipRanges`, `${prefix}clipState`, `${prefix}clipCounts`];
  const rule = { ...encoding, halfScales: scaleType === "f16" };
  const rescale: Step = { call: affineScaleCall(groups, rule), bindings: [ranges, scales, zeroPoints] };
  if (geometry.kind === "blocked") {
    const clip = clipBlockCall(geometry, layout, percentile, bothEnds);
    const steps = [{ call: clip, bindings: [source, scales, ranges] }, rescale];
    return { buffers: { [ranges]: groups * 8 }, uploads: [], steps };
  }
  const pick = (shift: number): Step => ({
    call: clipWidePickCall(geometry, percentile, bothEnds, shift),
    bindings: [scales, state, counts, ranges],
  });
  const digits = clipShifts.flatMap((shift) => [
    { call: clipWideCountCall(geometry, bothEnds, shift), bindings: [source, state, counts] },
    pick(shift),
  ]);
  return {
    buffers: { [ranges]: groups * 8, [state]: groups * clipStateWords * 4, [counts]: groups * clipCountWords * 4 },
    uploads: [],
    steps: [pick(32), ...digits, rescale],
  };
}

function mseSteps(request: SearchRequest): StepsPiece {
  const { geometry, layout, source, scales, zeroPoints, importance } = request;
  const target = targetOf(request);
  if (geometry.kind === "wide") return wideSteps(request, geometry, "mse");
  const call = searchMseBlockCall(target, geometry, layout, importance !== undefined);
  const weights = importanceBuffer(request);
  return {
    buffers: weights.buffers,
    uploads: [],
    steps: [{ call, bindings: [source, weights.name, scales, zeroPoints] }],
  };
}

function hqqSteps(request: SearchRequest): StepsPiece {
  const { geometry, layout, source, scales, zeroPoints, importance, prefix } = request;
  if (geometry.kind === "wide") return wideSteps(request, geometry, "hqq");
  const powers = `${prefix}hqqPowers`;
  const table = hqqPowers();
  const call = searchHqqBlockCall(targetOf(request), geometry, layout, importance !== undefined);
  const weights = importanceBuffer(request);
  return {
    buffers: { ...weights.buffers, [powers]: table.length * 4 },
    uploads: [{ buffer: powers, data: { kind: "inline", words: table } }],
    steps: [{ call, bindings: [source, weights.name, powers, scales, zeroPoints] }],
  };
}

/** The importance weights, or a word in their place: a binding must be filled, and no dispatch binds a buffer twice. */
function importanceBuffer({ importance, prefix }: SearchRequest): {
  name: string;
  buffers: Readonly<Record<string, number>>;
} {
  if (importance !== undefined) return { name: importance, buffers: {} };
  const name = `${prefix}noImportance`;
  return { name, buffers: { [name]: 4 } };
}

/** Both searches over long groups: rounds of a pass over the weights and a small step per group. */
function wideSteps(request: SearchRequest, geometry: WideGeometry, kind: "mse" | "hqq"): StepsPiece {
  const { source, scales, zeroPoints, prefix } = request;
  const target = targetOf(request);
  const groups = geometry.channels;
  const [state, sums, powers] = [`${prefix}searchState`, `${prefix}searchSums`, `${prefix}hqqPowers`];
  const pick = (stage: SearchStage, options: { fine?: number; last?: boolean } = {}): Step => ({
    call: searchWidePickCall(target, geometry, stage, options),
    bindings: [scales, zeroPoints, state, sums],
  });
  const round = (stage: Exclude<SearchStage, "open">, options: { fine?: number; last?: boolean } = {}): Step[] => [
    {
      call: searchWideSumsCall(target, geometry, stage, options.fine),
      bindings: [source, scales, zeroPoints, state, sums],
    },
    pick(stage, options),
  ];
  const buffers = { [state]: groups * stateWords * 4, [sums]: groups * sumWords * 4 };
  if (kind === "mse") {
    const fine = searchParams(target, geometry)["fine"] ?? 1;
    const fines = [fine, Math.max(1, Math.round(fine / 3)), Math.max(1, Math.round(fine / 9))];
    const zero = target.asymmetric ? round("zero") : [];
    const narrowing = fines.flatMap((width, k) => round("fine", { fine: width, last: k === fines.length - 1 }));
    return { buffers, uploads: [], steps: [pick("open"), ...round("coarse"), ...zero, ...narrowing] };
  }
  const take = (action: Parameters<typeof hqqWideStepCall>[2]): Step => ({
    call: hqqWideStepCall(target, geometry, action),
    bindings: [scales, zeroPoints, state, sums],
  });
  const rounds = hqqRounds(target.asymmetric);
  const steps: Step[] = [pick("open"), take("begin")];
  for (let k = 0; k < rounds.zero + rounds.scale; k++) {
    const movesZero = k < rounds.zero;
    if (k === rounds.zero) steps.push(take("round"));
    const call = hqqWideSumsCall(target, geometry, k, movesZero);
    steps.push({ call, bindings: [source, scales, powers, state, sums] }, take(movesZero ? "zero" : "scale"));
  }
  const table = hqqPowers();
  return {
    buffers: { ...buffers, [powers]: table.length * 4 },
    uploads: [{ buffer: powers, data: { kind: "inline", words: table } }],
    steps: [...steps, take("end"), ...round("given", { last: true })],
  };
}
