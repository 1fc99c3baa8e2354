// Runs a model over data and gathers statistics of its activations. They are reduced on the device; what comes back
// are a few numbers for each channel, never an activation.
import { NonFiniteError, UsageError, throwIfAborted } from "../base/errors.ts";
import { mergeStatistics, type Statistics, type TensorStatistics } from "../calibrate/statistics.ts";
import type { OnnxModel } from "../formats/onnx/ir.ts";
import { figureName, observedFigures, type ObservedFigure, type Observation } from "../graph/observe.ts";
import { momentsName, secondMoments } from "../graph/second-moments.ts";
import type { Backend } from "../run/backend.ts";
import { Executor, type GraphInput, type GraphOutput } from "./executor.ts";

export interface CalibrateOptions {
  /** SHA-256 of the model's file in hex, which the statistics are then bound to. */
  readonly sha256: string;
  /** Values to observe; default: the inputs and the outputs of all nodes of the main graph. */
  readonly tensors?: readonly string[];
  /** Values to take second moments of: channels last. In f32 within a batch, in doubles over all of them. */
  readonly moments?: readonly string[];
  readonly signal?: AbortSignal;
  /** Called after each batch with the samples so far. */
  readonly onProgress?: (samples: number) => void;
}

/**
 * Statistics of the float activations of a model over batches of inputs: ranges, means and mean squares, by channel.
 * Values beyond 1e15, as masks hold them, are passed over.
 * Channels lie along axis 1 of what convolutions read and give, along the last axis elsewhere.
 * @throws UsageError where there is no batch, or one does not fit the model; NonFiniteError naming the first node whose
 *   output is not finite; otherwise as Executor.run
 */
export async function calibrate(
  model: OnnxModel,
  backend: Backend,
  batches: AsyncIterable<Readonly<Record<string, GraphInput>>> | Iterable<Readonly<Record<string, GraphInput>>>,
  options: CalibrateOptions,
): Promise<Statistics> {
  const { sha256, signal, onProgress, moments = [] } = options;
  const observe = observationOf(model, options.tensors);
  const executor = await Executor.create(model, backend, {
    observe,
    hooks: () => (moments.length > 0 ? [secondMoments(new Set(moments))] : []),
    ...(signal ? { signal } : {}),
  });
  let found: Statistics | undefined;
  try {
    for await (const batch of batches) {
      throwIfAborted(signal);
      const outputs = await executor.run(batch);
      const samples = Math.max(1, Object.values(batch)[0]?.dims[0] ?? 1);
      const tensors = statisticsOf(model, outputs, observe);
      const each: Statistics = { version: 1, model: sha256, samples, tensors };
      found = found ? mergeStatistics(found, each) : each;
      onProgress?.(found.samples);
    }
  } finally {
    executor.dispose();
  }
  if (found) return found;
  throw new UsageError("There is no sample to calibrate with.", { hint: "Give data with at least one sample." });
}

/** All float values of the main graph, or those asked for. */
function observationOf(model: OnnxModel, tensors?: readonly string[]): Observation {
  const { graph } = model;
  const initializers = new Set(graph.initializers.map(({ name }) => name));
  const all = [
    ...graph.inputs.map(({ name }) => name).filter((name) => !initializers.has(name)),
    ...graph.nodes.flatMap(({ outputs }) => outputs.filter((name) => name !== "")),
  ];
  const unknown = tensors?.find((name) => !all.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`The main graph has no value "${unknown}".`, {
      hint: "`wgslim inspect` shows the graph.",
      details: { tensor: unknown },
    });
  }
  const spatial = new Set(
    graph.nodes
      .filter(({ opType }) => /Conv|Pool|BatchNormalization|InstanceNormalization/.test(opType))
      .flatMap(({ inputs, outputs }) => inputs.slice(0, 1).concat(outputs)),
  );
  return {
    tensors: tensors ?? all,
    axisOf: (tensor, rank) => (rank > 2 && spatial.has(tensor) ? 1 : rank - 1),
  };
}

/** Below it, sums of squares stay within f32. */
const largestActivation = 1e15;

function statisticsOf(
  model: OnnxModel,
  outputs: Readonly<Record<string, GraphOutput>>,
  observe: Observation,
): Readonly<Record<string, TensorStatistics>> {
  const found: [string, TensorStatistics][] = [];
  for (const tensor of observe.tensors) {
    const lists = observedFigures.flatMap((figure): [ObservedFigure, Float64Array][] => {
      const list = outputs[figureName(tensor, figure)]?.data;
      return list ? [[figure, list]] : [];
    });
    if (lists.length < observedFigures.length) continue;
    const figures = Object.fromEntries(lists) as Readonly<Record<ObservedFigure, Float64Array>>;
    const [count = 0, axis = 0] = outputs[figureName(tensor, "size")]?.data ?? [];
    const reach = figures.max.reduce((most, high, i) => Math.max(most, high, -(figures.min[i] ?? 0)), 0);
    const isBroken = !Number.isFinite(reach) || lists.some(([, list]) => list.some(Number.isNaN));
    if (isBroken) throw notFinite(model, tensor);
    // Masks hold the lowest number of all: finite, but nothing to make scales of.
    if (reach > largestActivation) continue;
    const gram = outputs[momentsName(tensor)]?.data;
    const perChannel = count / figures.sum.length;
    const mean = (list: Float64Array): number[] => Array.from(list, (value) => value / perChannel);
    found.push([
      tensor,
      {
        count,
        min: figures.min.reduce((least, value) => Math.min(least, value)),
        max: figures.max.reduce((most, value) => Math.max(most, value)),
        meanSquare: figures.squareSum.reduce((sum, value) => sum + value, 0) / count,
        axis,
        channelMeans: mean(figures.sum),
        channelAbsMax: Array.from(figures.min, (low, i) => Math.max(Math.abs(low), Math.abs(figures.max[i] ?? 0))),
        channelAbsMean: mean(figures.absSum),
        channelMeanSquare: mean(figures.squareSum),
        ...(gram ? { gram } : {}),
      },
    ]);
  }
  return Object.fromEntries(found);
}

function notFinite(model: OnnxModel, tensor: string): NonFiniteError {
  const node = model.graph.nodes.find(({ outputs }) => outputs.includes(tensor));
  const where = node ? `the output of ${node.opType} "${node.name || tensor}"` : "an input";
  return new NonFiniteError(`"${tensor}", ${where}, is not finite.`, {
    hint: "It is the first such value of those observed: look at what it is made of, and at the data.",
    details: { tensor, ...(node ? { node: node.name, op: node.opType } : {}) },
  });
}
