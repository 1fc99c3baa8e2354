// Which files a model's tensors lie in besides the one that was opened: external data of ONNX, shards of an index.
import type { ByteSource } from "../base/bytes.ts";
import { forEachGraph } from "../formats/onnx/graphs.ts";
import type { OnnxModel, TensorData } from "../formats/onnx/ir.ts";
import type { OnnxFile, SafetensorsFile } from "./models.ts";

/** The files as opened, by the path that the model names them by, relative to itself; shards by their name. */
export function dataFilesOf(model: OnnxFile | SafetensorsFile): ReadonlyMap<string, ByteSource> {
  const files = new Map<string, ByteSource>();
  const note = (data: TensorData): void => {
    if (data.kind !== "range" || data.range.source === model.source) return;
    const { source } = data.range;
    files.set(("external" in data ? data.external?.location : undefined) ?? source.name, source);
  };
  if (model.format === "onnx") forEachData(model.onnx, note);
  else for (const { data } of model.safetensors.tensors) note(data);
  return files;
}

/** Tensors of graphs and of attributes, Constant nodes among them. */
function forEachData(model: OnnxModel, visit: (data: TensorData) => void): void {
  forEachGraph(model, (graph) => {
    for (const { data } of graph.initializers) visit(data);
    for (const { value } of graph.nodes.flatMap(({ attributes }) => attributes)) {
      if (value.type === "tensor") visit(value.value.data);
      else if (value.type === "tensors") for (const { data } of value.value) visit(data);
    }
  });
}
