// Scale searches as steps of a work unit: they run between the kernel that sets scales by absmax and the one that
// encodes, and refine scales and zero points in place. Every choice is made in integers, so the outcome is the
// same on every device.
//
// percentile  scale and zero point of the range clipped at the nearest rank; may raise the squared error
// mse         grid over scale and zero point by (weighted) squared error; least-squares scales in short blocks
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
import { fitsFitBlock, searchFitBlockCall } from "../../kernels/quantize/search-fit-block.ts";
import { searchHqqBlockCall } from "../../kernels/quantize/search-hqq-block.ts";
import { searchMseBlockCall } from "../../kernels/quantize/search-mse-block.ts";
import { searchParams, stateWords, sumWords, type SearchStage, type SearchTarget } from "../../kernels/quantize/search-units.ts"; // prettier-ignore
import { searchWidePickCall } from "../../kernels/quantize/search-wide-pick.ts";
import { searchWideSumsCall } from "../../kernels/quantize/search-wide-sums.ts";
import type { Step } from "../../plan/types.ts";
import type { AffineEncoding, ScaleSearch, ScaleType } from "./encoding.ts";
import { fitting, joined, type StepsPiece } from "./group-steps.ts";

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

/**
 * A search over wide groups as rounds. What goes over the elements may be done for parts of the groups, one after
 * another: it only adds to integer sums. The rest is done once.
 */
export interface WideSearch {
  /** Buffers that hold the search's state from round to round, and tables that do not change. */
  readonly state: Readonly<Record<string, number>>;
  readonly tables: Pick<StepsPiece, "buffers" | "uploads">;
  readonly opening: readonly Step[];
  readonly rounds: readonly {
    /** @param geometry the whole groups, or a part of each of them */
    over(geometry: WideGeometry): Step;
    readonly close: readonly Step[];
  }[];
}

/**
 * The rounds of a search over wide groups; none for absmax.
 * @throws UsageError where the percentile is not in (50, 100]
 */
export function wideSearch(request: SearchRequest & { readonly geometry: WideGeometry }): WideSearch {
  const builders: Readonly<Record<ScaleSearch["kind"], () => WideSearch>> = {
    absmax: () => ({ state: {}, tables: { buffers: {}, uploads: [] }, opening: [], rounds: [] }),
    percentile: () => widePercentile(request),
    mse: () => wideMse(request),
    hqq: () => wideHqq(request),
  };
  return builders[request.search.kind]();
}

function inOnePass({ state, tables, opening, rounds }: WideSearch, geometry: WideGeometry): StepsPiece {
  const steps = [...opening, ...rounds.flatMap(({ over, close }) => [over(geometry), ...close])];
  return joined({ buffers: state }, tables, { steps });
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

function clipOf({ search, encoding }: SearchRequest): { readonly percentile: number; readonly bothEnds: boolean } {
  const percentile = search.kind === "percentile" ? search.percentile : 100;
  if (!(percentile > 50 && percentile <= 100)) {
    throw new UsageError(`Percentile ${percentile} is not in (50, 100].`, { hint: "Try 99.9." });
  }
  return { percentile, bothEnds: encoding.scheme === "asymmetric" };
}

/** Scales and zero points of clipped ranges. */
function rescale({ geometry, encoding, scaleType, scales, zeroPoints }: SearchRequest, ranges: string): Step {
  const rule = { ...encoding, halfScales: scaleType === "f16" };
  return { call: affineScaleCall(groupCount(geometry), rule), bindings: [ranges, scales, zeroPoints] };
}

function percentileSteps(request: SearchRequest): StepsPiece {
  const { geometry, layout, source, scales, prefix } = request;
  if (geometry.kind === "wide") return inOnePass(widePercentile({ ...request, geometry }), geometry);
  const { percentile, bothEnds } = clipOf(request);
  const ranges = `${prefix}clipRanges`;
  const clip = { call: clipBlockCall(geometry, layout, percentile, bothEnds), bindings: [source, scales, ranges] };
  return { buffers: { [ranges]: groupCount(geometry) * 8 }, uploads: [], steps: [clip, rescale(request, ranges)] };
}

function widePercentile(request: SearchRequest & { readonly geometry: WideGeometry }): WideSearch {
  const { geometry, source, scales, prefix } = request;
  const { percentile, bothEnds } = clipOf(request);
  const groups = geometry.channels;
  const [ranges, state, counts] = [`${prefix}clipRanges`, `${prefix}clipState`, `${prefix}clipCounts`];
  const pick = (shift: number): Step => ({
    call: clipWidePickCall(geometry, percentile, bothEnds, shift),
    bindings: [scales, state, counts, ranges],
  });
  return {
    state: { [ranges]: groups * 8, [state]: groups * clipStateWords * 4, [counts]: groups * clipCountWords * 4 },
    tables: { buffers: {}, uploads: [] },
    opening: [pick(32)],
    rounds: clipShifts.map((shift) => ({
      over: (part) => ({ call: clipWideCountCall(part, bothEnds, shift), bindings: [source, state, counts] }),
      close: [pick(shift), ...(shift === 0 ? [rescale(request, ranges)] : [])],
    })),
  };
}

function mseSteps(request: SearchRequest): StepsPiece {
  const { geometry, layout, source, scales, zeroPoints, importance } = request;
  const target = targetOf(request);
  if (geometry.kind === "wide") return inOnePass(wideMse({ ...request, geometry }), geometry);
  if (importance === undefined && fitsFitBlock(target, geometry)) {
    const call = searchFitBlockCall(target, geometry, layout);
    return { buffers: {}, uploads: [], steps: [{ call, bindings: [source, scales, zeroPoints] }] };
  }
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
  if (geometry.kind === "wide") return inOnePass(wideHqq({ ...request, geometry }), geometry);
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

/** What both searches of squared errors over wide groups share: their state, and a stage of candidates. */
function wideStages(request: SearchRequest & { readonly geometry: WideGeometry }) {
  const { geometry, source, scales, zeroPoints, prefix } = request;
  const target = targetOf(request);
  const groups = geometry.channels;
  const [state, sums] = [`${prefix}searchState`, `${prefix}searchSums`];
  const pick = (stage: SearchStage, options: { fine?: number; last?: boolean } = {}): Step => ({
    call: searchWidePickCall(target, geometry, stage, options),
    bindings: [scales, zeroPoints, state, sums],
  });
  const round = (
    stage: Exclude<SearchStage, "open">,
    options: { fine?: number; last?: boolean } = {},
  ): WideSearch["rounds"][number] => ({
    over: (part) => ({
      call: searchWideSumsCall(target, part, stage, options.fine),
      bindings: [source, scales, zeroPoints, state, sums],
    }),
    close: [pick(stage, options)],
  });
  const buffers = { [state]: groups * stateWords * 4, [sums]: groups * sumWords * 4 };
  return { target, state, sums, buffers, open: pick("open"), round };
}

function wideMse(request: SearchRequest & { readonly geometry: WideGeometry }): WideSearch {
  const { target, buffers, open, round } = wideStages(request);
  const fine = searchParams(target, request.geometry)["fine"] ?? 1;
  const fines = [fine, Math.max(1, Math.round(fine / 3)), Math.max(1, Math.round(fine / 9))];
  const narrowing = fines.map((width, k) => round("fine", { fine: width, last: k === fines.length - 1 }));
  return {
    state: buffers,
    tables: { buffers: {}, uploads: [] },
    opening: [open],
    rounds: [round("coarse"), ...(target.asymmetric ? [round("zero")] : []), ...narrowing],
  };
}

function wideHqq(request: SearchRequest & { readonly geometry: WideGeometry }): WideSearch {
  const { geometry, source, scales, zeroPoints, prefix } = request;
  const { target, state, sums, buffers, open, round } = wideStages(request);
  const powers = `${prefix}hqqPowers`;
  const table = hqqPowers();
  const take = (action: Parameters<typeof hqqWideStepCall>[2]): Step => ({
    call: hqqWideStepCall(target, geometry, action),
    bindings: [scales, zeroPoints, state, sums],
  });
  const { zero, scale } = hqqRounds(target.asymmetric);
  const halves = Array.from({ length: zero + scale }, (_, k): WideSearch["rounds"][number] => {
    const movesZero = k < zero;
    return {
      over: (part) => ({
        call: hqqWideSumsCall(target, part, k, movesZero),
        bindings: [source, scales, powers, state, sums],
      }),
      close: [
        take(movesZero ? "zero" : "scale"),
        ...(k === zero - 1 ? [take("round")] : []),
        ...(k === zero + scale - 1 ? [take("end")] : []),
      ],
    };
  });
  return {
    state: buffers,
    tables: {
      buffers: { [powers]: table.length * 4 },
      uploads: [{ buffer: powers, data: { kind: "inline", words: table } }],
    },
    opening: [open, take("begin"), ...(zero === 0 ? [take("round")] : [])],
    rounds: [...halves, round("given", { last: true })],
  };
}
