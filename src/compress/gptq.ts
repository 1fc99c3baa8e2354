// Runs GPTQ over the layers of a compression plan, one at a time, before the plan itself: what it decides depends on
// what the device finds. The codes it leaves are as small as the file they go into.
import { throwIfAborted } from "../base/errors.ts";
import type { Statistics } from "../calibrate/statistics.ts";
import { gptqSources, gptqTargets, gptqUnit, isWeighted, type GptqOptions } from "../methods/calibrated/gptq-unit.ts";
import { matrixView, type MatrixView } from "../methods/calibrated/gptq-steps.ts";
import { prepareHessian } from "../methods/calibrated/hessian.ts";
import { inputStatistics, type InputStatistics } from "../methods/calibrated/statistics.ts";
import { chunksOf, type Chunk } from "../methods/quantize/chunks.ts";
import type { GivenCodes, PackedWeight } from "../methods/quantize/packed.ts";
import { findWeights } from "../model/weights.ts";
import { planUnits } from "../plan/plan-units.ts";
import type { Backend } from "../run/backend.ts";
import { runPlan } from "../run/run-plan.ts";
import { JobSources } from "./job-sources.ts";
import type { OnnxFile } from "./models.ts";
import type { CompressionPlan } from "./plan-types.ts";

export interface GptqRunOptions extends Omit<GptqOptions, "measure"> {
  /** Share of the mean second moment that is added to each; default 0.01. It grows tenfold where that is too little. */
  readonly damping?: number;
  readonly signal?: AbortSignal;
  readonly onLayer?: (layer: CalibratedLayer) => void;
}

/**
 * What became of one weight. Errors are tr(D H D^T) per element of the weight, H scaled to a mean of 1 on its diagonal:
 * what the mean squared error would be if all inputs were equally large and told nothing of each other.
 */
export interface CalibratedLayer {
  readonly name: string;
  /** weighted: plain rounding under scales that are searched by the importance of input channels. */
  readonly algorithm: "gptq" | "weighted" | "rtn";
  readonly plainError?: number;
  readonly error?: number;
  readonly damping?: number;
  /** Why it is not GPTQ. */
  readonly reason?: string;
}

export interface GptqResult {
  readonly given: ReadonlyMap<string, GivenCodes>;
  readonly layers: readonly CalibratedLayer[];
}

const mostDamping = 10;

/**
 * Quantizes what GPTQ can; every other weight is left to the plan and named with the reason.
 * @param backend knows the kernels of both registries
 * @throws NonFiniteError for statistics that are not finite; UsageError for those of another model; GpuError,
 *   OutOfMemoryError, DeviceLostError, AbortedError, IoError
 */
export async function runGptq(
  model: OnnxFile,
  { tensors, job }: CompressionPlan,
  statistics: Statistics,
  backend: Backend,
  options: GptqRunOptions = {},
): Promise<GptqResult> {
  const inputsOf = weightInputs(model);
  const sources = new JobSources(job.sources);
  const given = new Map<string, GivenCodes>();
  const layers: CalibratedLayer[] = [];
  for (const { name, packed: ids } of tensors) {
    throwIfAborted(options.signal);
    const packed = job.packed.find(({ id }) => id === ids[0]);
    if (!packed || ids.length !== 1) continue;
    const found = inputStatistics(statistics, inputsOf.get(name) ?? []);
    const layer = await quantizeLayer(name, packed, found, { sources, backend, options });
    if (layer.codes) given.set(packed.id, layer.codes);
    layers.push(layer.report);
    options.onLayer?.(layer.report);
  }
  return { given, layers };
}

/** Names of the tensors that each weight's operators multiply it with, by the weight's id. */
export function weightInputs({ onnx }: Pick<OnnxFile, "onnx">): ReadonlyMap<string, readonly string[]> {
  return new Map(
    findWeights(onnx).weights.map(({ id, role, uses }) => [
      id,
      role === "matmul" || role === "gemm"
        ? uses.flatMap(({ node, inputIndex }) => (inputIndex === 1 ? (node.inputs[0] ?? []) : []))
        : [],
    ]),
  );
}

interface Context {
  readonly sources: JobSources;
  readonly backend: Backend;
  readonly options: GptqRunOptions;
}

interface Layer {
  readonly report: CalibratedLayer;
  readonly codes?: GivenCodes;
}

async function quantizeLayer(
  name: string,
  packed: PackedWeight,
  statistics: InputStatistics | undefined,
  context: Context,
): Promise<Layer> {
  const plainly = (reason: string): Layer => ({ report: { name, algorithm: "rtn", reason } });
  if (packed.encoding.kind !== "affine") return plainly("GPTQ makes integer codes only");
  if (!statistics) return plainly("no statistics of its input");
  const view = matrixView(packed.geometry, packed.layout, statistics.channels);
  if (!view || packed.transpose) return plainly("its groups do not lie along its inputs");
  const [chunk, ...others] = chunksOf(packed, Number.MAX_SAFE_INTEGER);
  if (!chunk || others.length > 0) return plainly("it is cut into pieces");
  const { options } = context;
  const gram = statistics.gram ?? diagonalOf(statistics);
  for (let damping = options.damping ?? 0.01; ; damping *= 10) {
    const results = await runLayer(packed, chunk, view, gram, damping, context);
    const [plainError, error] = [gptqTargets.plainError, gptqTargets.error].map((target) => {
      const sums = new Float32Array(wordsOf(results, target).buffer);
      return sums.reduce((sum, value) => sum + value, 0) / (view.n * view.k);
    });
    if (plainError === undefined || error === undefined) return plainly("it was not measured");
    const isFactored = wordsOf(results, gptqTargets.bad)[0] === 0;
    if (!isFactored && damping * 10 <= mostDamping) continue;
    const isBetter = isFactored && statistics.gram !== undefined && error < plainError;
    if (isBetter) {
      const codes = codesOf(results, gptqTargets.codes);
      return { report: { name, algorithm: "gptq", plainError, error, damping }, codes };
    }
    const reason = !statistics.gram
      ? "no second moments of its input"
      : isFactored
        ? "rounding each channel alone loses no more"
        : `its second moments can't be factored, even damped by ${damping} times their mean`;
    if (!isWeighted(packed, view, options)) return { report: { name, algorithm: "rtn", plainError, reason } };
    return {
      report: { name, algorithm: "weighted", plainError, error: plainError, reason },
      codes: codesOf(results, gptqTargets.weightedCodes),
    };
  }
}

function codesOf(results: ReadonlyMap<string, Uint8Array>, codes: string): GivenCodes {
  const part = (target: string): Uint8Array => results.get(target)?.slice() ?? new Uint8Array();
  return { codes: part(codes), scales: part(gptqTargets.scales), zeros: part(gptqTargets.zeros) };
}

/** Second moments of channels that tell nothing of each other. */
function diagonalOf({ channels, meanSquare }: InputStatistics): Float64Array {
  const gram = new Float64Array(channels ** 2);
  for (const [i, value] of meanSquare.entries()) gram[i * channels + i] = value;
  return gram;
}

/** One try at a damping: everything that the unit delivers. */
async function runLayer(
  packed: PackedWeight,
  chunk: Chunk,
  view: MatrixView,
  gram: Float64Array,
  damping: number,
  { sources, backend, options }: Context,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const { signal, actOrder = true } = options;
  const { matrix, order } = prepareHessian(gram, view.k, { damping, actOrder });
  const mean = Array.from({ length: view.k }, (_, i) => gram[i * view.k + i] ?? 0).reduce((a, b) => a + b) / view.k;
  const hessian = Float32Array.from(gram, (value) => value / mean);
  const importance = Float32Array.from({ length: view.k }, (_, i) => hessian[i * view.k + i] ?? 0);
  const uploads = new Map<string, Float32Array | Uint32Array>([
    [gptqSources.matrix, matrix],
    [gptqSources.order, order],
    [gptqSources.hessian, hessian],
    [gptqSources.importance, importance],
  ]);
  const plan = planUnits([gptqUnit(backend.profile, packed, chunk, view, options)], backend.profile);
  const delivered = new Map<string, Uint8Array>();
  await runPlan(
    plan,
    backend,
    {
      read: async (_, ref, into) => {
        const own = uploads.get(ref.source);
        if (own) into.set(new Uint8Array(own.buffer, own.byteOffset, own.byteLength));
        else await sources.read(ref, into, signal);
      },
      deliver: async (_, results) => {
        for (const [target, bytes] of results) delivered.set(target, bytes);
      },
    },
    signal ? { signal } : {},
  );
  return delivered;
}

const wordsOf = (results: ReadonlyMap<string, Uint8Array>, target: string): Uint32Array =>
  new Uint32Array((results.get(target) ?? new Uint8Array(4)).slice().buffer);
