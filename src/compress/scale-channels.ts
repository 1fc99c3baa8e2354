// AWQ and SmoothQuant: the channels of activations are scaled, for nothing, so that weights (or activations) round
// better. The model computes the same; what is packed afterwards is another matter.
import { throwIfAborted } from "../base/errors.ts";
import type { Statistics } from "../calibrate/statistics.ts";
import type { OnnxModel } from "../formats/onnx/ir.ts";
import { awqSources, awqTarget, awqUnit } from "../methods/calibrated/awq-unit.ts";
import { ChangedConstants } from "../methods/calibrated/constants.ts";
import { matrixView, type MatrixView } from "../methods/calibrated/gptq-steps.ts";
import { findScaleGroups, type ScaleGroup } from "../methods/calibrated/scale-groups.ts";
import { inputStatistics, type InputStatistics } from "../methods/calibrated/statistics.ts";
import { chunksOf, type Chunk } from "../methods/quantize/chunks.ts";
import type { PackedWeight } from "../methods/quantize/packed.ts";
import { planUnits } from "../plan/plan-units.ts";
import type { Backend } from "../run/backend.ts";
import { runPlan } from "../run/run-plan.ts";
import type { OnnxFile } from "./models.ts";
import type { CompressionPlan } from "./plan-types.ts";

/** What became of the channels of one activation. */
export interface ScaledChannels {
  readonly input: string;
  /** How much of the activations' size went into the weights: 0 leaves all as it was. */
  readonly strength?: number;
  /** AWQ: tr(D H D^T) of the weights that read it, rounded as they were and as they are. */
  readonly plainError?: number;
  readonly error?: number;
  /** Largest over median channel of the activation's magnitudes: outliers, which plain rounding suffers from. */
  readonly outliers?: number;
  /** Why nothing was done. */
  readonly reason?: string;
}

export interface ScaledModel {
  readonly onnx: OnnxModel;
  readonly channels: readonly ScaledChannels[];
}

export interface ScaleOptions {
  readonly signal?: AbortSignal;
  readonly onChannels?: (channels: ScaledChannels) => void;
}

/** Largest over median, of channels that are not 0. */
export function outlierRatio(channels: ArrayLike<number>): number {
  const sorted = Float64Array.from(channels)
    .filter((value) => value > 0)
    .toSorted();
  const median = sorted[sorted.length >> 1] ?? 0;
  return median > 0 ? (sorted.at(-1) ?? 0) / median : 1;
}

const inverse = (factors: Float32Array): Float64Array => Float64Array.from(factors, (value) => 1 / value);

/** Puts factors into the weights and their inverses into what makes the activation. */
async function fold(constants: ChangedConstants, group: ScaleGroup, factors: Float32Array): Promise<void> {
  for (const { tensor, axis } of group.weights) await constants.scale(tensor, axis, factors);
  for (const { tensor, axis } of group.sources) await constants.scale(tensor, axis, inverse(factors));
}

/**
 * Factors are rounded to powers of two's neighbours no more than f32 does; they stay within this of 1, so that no
 * constant leaves what f32, and scales what f16, hold.
 */
const farthest = 1e4;

/** channel^strength, with the geometric mean of the extremes 1. */
function factorsOf(magnitudes: ArrayLike<number>, strength: number): Float32Array {
  const raw = Float64Array.from(magnitudes, (value) => Math.max(value, 1e-8) ** strength);
  const middle = Math.sqrt(raw.reduce((a, b) => Math.max(a, b), 0) * raw.reduce((a, b) => Math.min(a, b), Infinity));
  return Float32Array.from(raw, (value) => Math.min(farthest, Math.max(1 / farthest, value / middle)));
}

/** Runs over all groups with statistics, and names what it has to leave. */
async function overGroups(
  model: OnnxFile,
  statistics: Statistics,
  options: ScaleOptions,
  each: (
    group: ScaleGroup,
    found: InputStatistics,
    constants: ChangedConstants,
  ) => Promise<Omit<ScaledChannels, "input" | "outliers">>,
): Promise<ScaledModel> {
  const { groups, refused } = findScaleGroups(model.onnx);
  const constants = new ChangedConstants(options.signal);
  const channels: ScaledChannels[] = [];
  const report = (found: ScaledChannels): void => {
    channels.push(found);
    options.onChannels?.(found);
  };
  const outliersOf = (input: string): Pick<ScaledChannels, "outliers"> => {
    const found = statistics.tensors[input]?.channelAbsMax;
    return found ? { outliers: outlierRatio(found) } : {};
  };
  for (const group of groups) {
    throwIfAborted(options.signal);
    const { input } = group;
    const found = inputStatistics(statistics, [input]);
    const outcome =
      found?.channels === group.channels
        ? await each(group, found, constants)
        : { reason: "no statistics of its channels" };
    report({ input, ...outliersOf(input), ...outcome });
  }
  for (const { input, reason } of refused) report({ input, ...outliersOf(input), reason });
  return { onnx: constants.applied(model.onnx), channels };
}

/**
 * SmoothQuant: moves the size of channels from activations to weights, max|x|^strength / max|w|^(1 - strength).
 * @throws IoError, AbortedError
 */
export async function smoothChannels(
  model: OnnxFile,
  statistics: Statistics,
  { strength = 0.5, ...options }: ScaleOptions & { readonly strength?: number } = {},
): Promise<ScaledModel> {
  return await overGroups(model, statistics, options, async (group, { absMax }, constants) => {
    const weights = new Float64Array(group.channels);
    for (const { tensor, axis } of group.weights) {
      const values = await constants.values(tensor);
      for (const [at, value] of values.entries()) {
        const channel = Math.floor(at / axis.inner) % axis.channels;
        weights[channel] = Math.max(weights[channel] ?? 0, Math.abs(value));
      }
    }
    const factors = Float32Array.from(absMax, (most, i) => {
      const factor = Math.max(most, 1e-5) ** strength / Math.max(weights[i] ?? 0, 1e-5) ** (1 - strength);
      return Math.min(farthest, Math.max(1 / farthest, factor));
    });
    await fold(constants, group, factors);
    return { strength };
  });
}

const awqSteps = 20;

/**
 * AWQ: for each activation the strength, of twenty, with which the weights that read it lose least when they are
 * rounded as the plan has it.
 * @param backend knows the kernels of both registries
 * @throws GpuError, OutOfMemoryError, DeviceLostError, IoError, AbortedError
 */
export async function activationAwareScales(
  model: OnnxFile,
  { job, tensors }: CompressionPlan,
  statistics: Statistics,
  backend: Backend,
  options: ScaleOptions = {},
): Promise<ScaledModel> {
  return await overGroups(model, statistics, options, async (group, found, constants) => {
    const layers = group.weights.flatMap(({ tensor }) => {
      const planned = tensors.find(({ name, packed }) => name === tensor.name && packed.length === 1);
      const packed = job.packed.find(({ id }) => id === planned?.packed[0]);
      if (!packed || packed.encoding.kind !== "affine" || packed.transpose) return [];
      const view = matrixView(packed.geometry, packed.layout, group.channels);
      const [chunk] = chunksOf(packed, Number.MAX_SAFE_INTEGER);
      return view && chunk ? [{ tensor, packed, view, chunk }] : [];
    });
    if (layers.length < group.weights.length) return { reason: "not all that read it are packed to integers by input" };
    const all = Array.from({ length: awqSteps }, (_, i) => factorsOf(found.absMean, i / awqSteps));
    const errors = new Float64Array(awqSteps);
    for (const layer of layers) {
      const own = await errorsOf(layer, await constants.values(layer.tensor), all, found, backend, options.signal);
      for (const [i, error] of own.entries()) errors[i] = (errors[i] ?? 0) + error;
    }
    const best = errors.indexOf(errors.reduce((a, b) => Math.min(a, b)));
    const factors = all[best];
    if (best > 0 && factors) await fold(constants, group, factors);
    return { strength: best / awqSteps, plainError: errors[0] ?? 0, error: errors[best] ?? 0 };
  });
}

interface Layer {
  readonly packed: PackedWeight;
  readonly view: MatrixView;
  readonly chunk: Chunk;
}

/** tr(D H D^T) for each candidate, per element, with a mean of 1 on the diagonal of H. */
async function errorsOf(
  { packed, view, chunk }: Layer,
  values: Float32Array,
  candidates: readonly Float32Array[],
  { gram, meanSquare }: InputStatistics,
  backend: Backend,
  signal: AbortSignal | undefined,
): Promise<Float64Array> {
  const { n, k } = view;
  const moment = gram
    ? (at: number): number => gram[at] ?? 0
    : (at: number): number => (at % (k + 1) === 0 ? (meanSquare[at / (k + 1)] ?? 0) : 0);
  const mean = Array.from({ length: k }, (_, i) => moment(i * (k + 1))).reduce((a, b) => a + b, 0) / k || 1;
  const hessian = Float32Array.from({ length: k * k }, (_, at) => moment(at) / mean);
  const factors = new Float32Array(k * candidates.length);
  for (const [i, candidate] of candidates.entries()) factors.set(candidate, i * k);
  const uploads = new Map([
    [awqSources.weight, values],
    [awqSources.factors, factors],
    [awqSources.hessian, hessian],
  ] as const);
  const unit = awqUnit(backend.profile, packed, chunk, view, candidates.length);
  const errors = new Float64Array(candidates.length);
  await runPlan(
    planUnits([unit], backend.profile),
    backend,
    {
      read: async (source, _, into) => {
        const own = [...uploads].find(([key]) => key === source)?.[1];
        if (own) into.set(new Uint8Array(own.buffer, own.byteOffset, own.byteLength));
      },
      deliver: async (_, results) => {
        for (const i of errors.keys()) {
          const sums = new Float32Array((results.get(awqTarget(i)) ?? new Uint8Array()).slice().buffer);
          errors[i] = sums.reduce((sum, value) => sum + value, 0) / (n * k);
        }
      },
    },
    signal ? { signal } : {},
  );
  return errors;
}
