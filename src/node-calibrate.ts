// Calibration in Node: data files, the device, and the statistics' file.
import { UsageError } from "./base/errors.ts";
import type { Statistics } from "./calibrate/statistics.ts";
import type { OnnxFile } from "./compress/models.ts";
import { batches, type Dataset } from "./data/dataset.ts";
import { feedsOf, matchFields } from "./data/feeds.ts";
import { syntheticBatches } from "./data/streams.ts";
import { openDevice } from "./device/node.ts";
import { integerInputRanges } from "./evaluate/input-ranges.ts";
import type { InputSpec } from "./evaluate/tensors.ts";
import { calibrate } from "./execute/calibrate.ts";
import type { GraphInput } from "./execute/executor.ts";
import { findDType } from "./formats/onnx/dtypes.ts";
import { graphKernelReferences } from "./kernels/graph-references.ts";
import { graphKernelSpecs } from "./kernels/graph-registry.ts";
import { hashSource } from "./node-hash.ts";
import { CpuBackend } from "./run/cpu-backend.ts";
import { WebGpuBackend } from "./run/webgpu-backend.ts";

/** How samples of a data set become a model's inputs. */
export interface FeedOptions {
  /** Default 1; models of a fixed batch size need theirs. */
  readonly batchSize?: number;
  /** At most so many samples. */
  readonly limit?: number;
  /** Field of the data by input of the model, where names differ. */
  readonly fields?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface CalibrateFileOptions extends FeedOptions {
  readonly adapter?: "webgpu" | "cpu";
  /** Made-up inputs: sizes of symbolic dims, and the first seed. */
  readonly dims?: Readonly<Record<string, number>>;
  readonly seed?: number;
  readonly onProgress?: (samples: number) => void;
  readonly onWarning?: (text: string) => void;
}

/**
 * Statistics of a model's activations over a data set, or over `data` made-up batches where it is a number.
 * @param data a data set whose fields are the model's inputs, prepared as the model takes them
 * @throws UsageError for an empty set and for data that does not fit; NonFiniteError naming the first node;
 *   UnsupportedError naming a node that can't be run; NoAdapterError; IoError
 * @example const statistics = await calibrateFile(await openOnnx(source), await openDataset(npz), { batchSize: 32 });
 */
export async function calibrateFile(
  model: OnnxFile,
  data: Dataset | number,
  options: CalibrateFileOptions = {},
): Promise<Statistics> {
  const { adapter = "webgpu", signal, onProgress } = options;
  const specs = specsOf(model);
  const given = typeof data === "number" ? madeUp(model, specs, data, options) : fromDataset(specs, data, options);
  const sha256 = await hashSource(model.source, signal);
  const rest = { sha256, ...(signal ? { signal } : {}), ...(onProgress ? { onProgress } : {}) };
  if (adapter === "cpu") return await calibrate(model.onnx, new CpuBackend(graphKernelReferences), given, rest);
  const gpu = await openDevice();
  try {
    return await calibrate(model.onnx, new WebGpuBackend(gpu, graphKernelSpecs), given, rest);
  } finally {
    gpu.dispose();
  }
}

/**
 * Batches of a data set as a model takes them.
 * @throws UsageError where fields and inputs do not fit
 */
export const feedsOfModel = (model: OnnxFile, data: Dataset, options: FeedOptions = {}): AsyncIterable<Given> =>
  fromDataset(specsOf(model), data, options);

type Given = Readonly<Record<string, GraphInput>>;

function specsOf({ onnx: { graph } }: OnnxFile): readonly InputSpec[] {
  const initializers = new Set(graph.initializers.map(({ name }) => name));
  return graph.inputs.flatMap(({ name, tensor }): InputSpec[] => {
    const dtype = tensor && findDType(tensor.dataType);
    if (initializers.has(name) || !tensor?.dims || !dtype) return [];
    return [{ name, dtype: dtype as InputSpec["dtype"], dims: tensor.dims }];
  });
}

function* madeUp(
  { onnx: { graph } }: OnnxFile,
  specs: readonly InputSpec[],
  count: number,
  { dims, seed, onWarning }: CalibrateFileOptions,
): Generator<Given> {
  const made = syntheticBatches(specs, {
    count,
    ranges: integerInputRanges(graph),
    ...(dims ? { dims } : {}),
    ...(seed === undefined ? {} : { seed }),
  });
  for (const warning of made.warnings) onWarning?.(warning);
  for (const batch of made.batches) yield Object.fromEntries(batch);
}

async function* fromDataset(
  specs: readonly InputSpec[],
  data: Dataset,
  { batchSize, limit, fields, signal }: FeedOptions,
): AsyncGenerator<Given> {
  if (data.size === 0) throw new UsageError(`${data.name}: there is no sample in it.`);
  const matched = matchFields(specs, data, fields);
  const options = {
    ...(batchSize === undefined ? {} : { batchSize }),
    ...(limit === undefined ? {} : { limit }),
    ...(signal ? { signal } : {}),
  };
  for await (const batch of batches(data, options)) {
    const feeds = feedsOf(batch, specs, matched, data.name);
    yield Object.fromEntries(feeds.map(({ name, dims, data: elements }) => [name, { dims, data: elements }]));
  }
}
