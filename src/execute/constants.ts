// Reads what lowering must know of a model's constants: the small ones, whole.
import type { OnnxModel, OnnxTensor } from "../formats/onnx/ir.ts";
import { forEachGraph } from "../formats/onnx/graphs.ts";
import { readTensorBytes } from "../formats/onnx/tensor-data.ts";
import { decodeTensor } from "../graph/host/decode.ts";
import { sizeOf, type HostTensor } from "../graph/values.ts";

/** Constants up to this many elements are known while a graph is lowered. */
const mostElements = 4096;

/** All small constants of a model, sub-graphs included. @throws IoError, FormatError, AbortedError */
export async function readSmallConstants(
  model: OnnxModel,
  signal?: AbortSignal,
): Promise<ReadonlyMap<OnnxTensor, HostTensor>> {
  const tensors: OnnxTensor[] = [];
  forEachGraph(model, (graph) => {
    tensors.push(...graph.initializers);
    for (const { attributes } of graph.nodes) {
      for (const { value } of attributes) if (value.type === "tensor") tensors.push(value.value);
    }
  });
  const found = new Map<OnnxTensor, HostTensor>();
  for (const tensor of tensors) {
    if (sizeOf(tensor.dims) > mostElements || tensor.data.kind === "strings" || tensor.data.kind === "pending")
      continue;
    const decoded = decodeTensor(tensor, await readTensorBytes(tensor, signal ? { signal } : {}));
    if (decoded) found.set(tensor, decoded);
  }
  return found;
}
