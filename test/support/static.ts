// Static models for tests: calibrated by onnxruntime on the float graph, packed by the plain references, in memory.
import { planStatic, type StaticPlanOptions } from "../../src/compress/plan-static.ts";
import { runCompression } from "../../src/compress/run-compression.ts";
import { openOnnx } from "../../src/compress/open-model.ts";
import { OnnxType, type OnnxModel } from "../../src/formats/onnx/ir.ts";
import { makeValueInfo } from "../../src/formats/onnx/make.ts";
import { toMemory } from "../../src/formats/sources/memory.ts";
import type { ByteSource } from "../../src/base/bytes.ts";
import type { InputTensor, OutputTensor } from "../../src/evaluate/tensors.ts";
import type { Assignment } from "../../src/methods/static/assign.ts";
import type { Ranges } from "../../src/methods/static/parameters.ts";
import {
  observedTensors,
  prepareStatic,
  type PreparedStatic,
  type StaticOptions,
} from "../../src/methods/static/prepare.ts";
import { kernelReferences } from "../../src/kernels/references.ts";
import { CpuBackend } from "../../src/run/cpu-backend.ts";
import { onnxBytes } from "./onnx-models.ts";
import { openOracle } from "./ort.ts";

type Inputs = readonly InputTensor[];

/** A copy of the model that hands out further values. */
export function withOutputs(model: OnnxModel, names: readonly string[]): OnnxModel {
  const known = new Set(model.graph.outputs.map(({ name }) => name));
  const added = names.filter((name) => !known.has(name)).map((name) => makeValueInfo(name, OnnxType.FLOAT));
  return { ...model, graph: { ...model.graph, outputs: [...model.graph.outputs, ...added] } };
}

/** Values of the model by name, for each of the inputs. */
export async function valuesOf(
  model: OnnxModel,
  names: readonly string[],
  batches: readonly Inputs[],
  see: (values: readonly OutputTensor[]) => void,
): Promise<void> {
  const session = await openOracle(await onnxBytes(withOutputs(model, names)));
  const wanted = new Set(names);
  try {
    for (const inputs of batches) {
      see((await session.run(inputs)).filter(({ name }) => wanted.has(name)));
    }
  } finally {
    await session.dispose();
  }
}

/** Ranges, mean squares and means of channels (axis 1 of images, the last one of others). */
export async function calibrated(
  { model, constants }: Pick<PreparedStatic, "model" | "constants">,
  batches: readonly Inputs[],
): Promise<Ranges> {
  const inputs = new Set(model.graph.inputs.map(({ name }) => name));
  const seen = new Map<string, { min: number; max: number; squares: number; sums: Float64Array; count: number }>();
  const see = (values: readonly Pick<OutputTensor, "name" | "dims" | "data">[]): void => {
    for (const { name, dims, data } of values) {
      const axis = dims.length === 4 ? 1 : dims.length - 1;
      const channels = dims[axis] ?? 1;
      const inner = dims.slice(axis + 1).reduce((product, dim) => product * dim, 1);
      const own = seen.get(name) ?? { min: 0, max: 0, squares: 0, sums: new Float64Array(channels), count: 0 };
      seen.set(name, own);
      for (let i = 0; i < data.length; i++) {
        const x = Number(data[i]);
        own.min = Math.min(own.min, x);
        own.max = Math.max(own.max, x);
        own.squares += x * x;
        const channel = Math.floor(i / inner) % channels;
        own.sums[channel] = (own.sums[channel] ?? 0) + x;
      }
      own.count += data.length;
    }
  };
  const names = observedTensors({ model, constants }).filter((name) => !inputs.has(name));
  for (const batch of batches) see(batch.filter(({ dtype }) => dtype === "f32"));
  await valuesOf(model, names, batches, see);
  return new Map(
    [...seen].map(([name, { min, max, squares, sums, count }]) => [
      name,
      { min, max, meanSquare: squares / count, channelMeans: sums.map((sum) => (sum * sums.length) / count) },
    ]),
  );
}

export interface StaticModel {
  readonly bytes: Uint8Array;
  readonly prepared: PreparedStatic;
  readonly assignment: Assignment;
}

/** Packs a static model. */
export async function packStatic(
  source: ByteSource,
  prepared: PreparedStatic,
  ranges: Ranges,
  options: StaticPlanOptions = {},
): Promise<StaticModel> {
  const backend = new CpuBackend(kernelReferences);
  const { draft, assignment } = planStatic({ source }, prepared, ranges, options);
  const output = toMemory();
  await runCompression(draft(backend.profile), backend, { output });
  return { bytes: output.bytes(), prepared, assignment };
}

/** Opens, calibrates and packs. */
export async function makeStatic(
  source: ByteSource,
  batches: readonly Inputs[],
  options: StaticOptions & StaticPlanOptions = {},
): Promise<StaticModel & { readonly ranges: Ranges }> {
  const prepared = await prepareStatic((await openOnnx(source)).onnx, options);
  const ranges = await calibrated(prepared, batches);
  return { ...(await packStatic(source, prepared, ranges, options)), ranges };
}
