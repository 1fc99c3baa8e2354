// Quantizes a small model on the CPU backend, and makes the float model that the quantized one must equal: the
// input model with the decoded weights put back. A wrong layout, axis or operator shows as a difference.
import type { ByteSource } from "../../src/base/bytes.ts";
import { decodeChunk } from "../../src/compress/decode.ts";
import { openOnnx } from "../../src/compress/open-model.ts";
import { planCompression, type CompressionPlan, type QuantizeRecipe } from "../../src/compress/plan-compression.ts";
import { runCompression } from "../../src/compress/run-compression.ts";
import { mapGraphs } from "../../src/formats/onnx/graphs.ts";
import { OnnxType, type OnnxModel, type OnnxNode, type OnnxTensor } from "../../src/formats/onnx/ir.ts";
import { readOnnx } from "../../src/formats/onnx/read.ts";
import { readTensorBytes } from "../../src/formats/onnx/tensor-data.ts";
import { fromBytes, toMemory } from "../../src/formats/sources/memory.ts";
import { kernelReferences } from "../../src/kernels/references.ts";
import type { PackedWeight, PartName } from "../../src/methods/quantize/packed.ts";
import { findWeights } from "../../src/model/weights.ts";
import type { Backend } from "../../src/run/backend.ts";
import { CpuBackend } from "../../src/run/cpu-backend.ts";
import { floatTensor, halfTensor, onnxBytes, onnxSource } from "./onnx-models.ts";

export interface Quantized {
  readonly plan: CompressionPlan;
  /** Of the run, beyond those of the plan. */
  readonly warnings: readonly string[];
  readonly bytes: Uint8Array;
  /** The written file, read again. */
  readonly model: OnnxModel;
  /** The float model with the decoded weights in place. */
  readonly restored: Uint8Array;
}

/** Quantizes without the default skip list, which small models would not survive. */
export async function quantizeSmall(input: OnnxModel, recipe: QuantizeRecipe): Promise<Quantized> {
  const model = await openOnnx(await onnxSource(input));
  const backend = new CpuBackend(kernelReferences);
  const plan = planCompression(model, backend.profile, { skip: false, ...recipe });
  const output = toMemory("quantized.onnx");
  const { warnings } = await runCompression(plan, backend, { output });
  const bytes = output.bytes();
  const written = await readOnnx(fromBytes("quantized.onnx", bytes));
  const restored = await restore(model.onnx, plan, written);
  return { plan, warnings, bytes, model: written, restored: await onnxBytes(restored) };
}

/** The bytes of a quantized file, packed on a backend. */
export async function quantizeOn(backend: Backend, source: ByteSource, recipe: QuantizeRecipe): Promise<Uint8Array> {
  const output = toMemory("quantized.onnx");
  await runCompression(planCompression(await openOnnx(source), backend.profile, recipe), backend, { output });
  return output.bytes();
}

/** Operator types of all nodes, sub-graphs included, in order. */
export function operatorsOf(model: OnnxModel): string[] {
  const found: string[] = [];
  mapGraphs(model, (graph) => {
    found.push(...graph.nodes.map((node) => node.opType));
    return graph;
  });
  return found;
}

async function restore(input: OnnxModel, plan: CompressionPlan, written: OnnxModel): Promise<OnnxModel> {
  const parts = new Map<string, OnnxTensor>();
  mapGraphs(written, (graph) => {
    for (const tensor of graph.initializers) parts.set(tensor.name, tensor);
    return graph;
  });
  const values = new Map<OnnxTensor, Float32Array>();
  for (const { packed, chunk } of plan.job.results) {
    const bytes: Partial<Record<PartName, Uint8Array>> = {};
    for (const name of ["codes", "scales", "zeroPoints"] as const) {
      const tensor = parts.get(packed.parts[name]?.tensor ?? "");
      if (tensor) bytes[name] = await readTensorBytes(tensor);
    }
    const source = plan.job.sources.get(packed.source);
    if (!source || chunk.count !== 1) throw new Error(`weight ${packed.source} is not whole`);
    const into = values.get(source) ?? new Float32Array(source.dims.reduce((a, b) => a * b, 1));
    values.set(source, into);
    into.set(untransposed(packed, decodeChunk(packed, chunk, bytes)), packed.sourceElement);
  }
  // What only Casts to f32 read may be f32 itself: decoded weights are not rounded once more.
  const seen = new Map(findWeights(input).weights.map(({ holder, dataType }) => [holder.tensor, dataType]));
  return replaceTensors(input, values, seen);
}

function untransposed({ transpose }: PackedWeight, values: Float32Array): Float32Array {
  if (!transpose) return values;
  const { rows, cols } = transpose;
  return values.map((_, i) => values[(i % cols) * rows + Math.floor(i / cols)] ?? NaN);
}

function replaceTensors(
  model: OnnxModel,
  values: ReadonlyMap<OnnxTensor, Float32Array>,
  seen: ReadonlyMap<OnnxTensor, number>,
): OnnxModel {
  const replaced = (tensor: OnnxTensor): OnnxTensor => {
    const data = values.get(tensor);
    if (!data) return tensor;
    return (seen.get(tensor) ?? tensor.dataType) === OnnxType.FLOAT16
      ? halfTensor(tensor.name, tensor.dims, data)
      : floatTensor(tensor.name, tensor.dims, data);
  };
  const inNode = (node: OnnxNode): OnnxNode => {
    if (node.opType !== "Constant") return node;
    const { raw: _, ...rest } = node;
    const attributes = node.attributes.map(({ raw: __, ...attribute }) =>
      attribute.value.type === "tensor"
        ? { ...attribute, value: { type: "tensor" as const, value: replaced(attribute.value.value) } }
        : attribute,
    );
    return { ...rest, attributes };
  };
  return mapGraphs(model, (graph) => ({
    ...graph,
    nodes: graph.nodes.map(inNode),
    initializers: graph.initializers.map(replaced),
  }));
}
