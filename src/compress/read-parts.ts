// Finds a chunk's packed parts in a written file, as a reader who knows only the file would.
import type { ByteSource } from "../base/bytes.ts";
import type { OnnxGraph, OnnxTensor } from "../formats/onnx/ir.ts";
import type { PartName } from "../methods/quantize/packed.ts";
import { openModel } from "./open-model.ts";
import { asOnnxTensor } from "./safetensors-weights.ts";
import type { UnitResult } from "../methods/quantize/units.ts";
import { readRows } from "./read-rows.ts";

/** All initializers of a model by name, sub-graphs included; packed names are unique over the whole model. */
function initializersOf(graph: OnnxGraph, into = new Map<string, OnnxTensor>()): Map<string, OnnxTensor> {
  for (const tensor of graph.initializers) into.set(tensor.name, tensor);
  for (const { attributes } of graph.nodes) {
    for (const { value } of attributes) {
      if (value.type === "graph") initializersOf(value.value, into);
      else if (value.type === "graphs") for (const inner of value.value) initializersOf(inner, into);
    }
  }
  return into;
}

/**
 * The tensors of a written file by name, whichever format it is in.
 * @throws FormatError when the file cannot be read; IoError
 */
export async function writtenTensors(file: ByteSource, signal?: AbortSignal): Promise<ReadonlyMap<string, OnnxTensor>> {
  const model = await openModel(file, signal ? { signal } : {});
  if (model.format === "onnx") return initializersOf(model.onnx.graph);
  return new Map(model.safetensors.tensors.map((tensor) => [tensor.name, asOnnxTensor(tensor)]));
}

/**
 * Reads the packed parts of one chunk.
 * @param missing makes the error for a tensor that the file lacks
 */
export async function readParts(
  tensors: ReadonlyMap<string, OnnxTensor>,
  { packed, chunk }: UnitResult,
  missing: (name: string) => Error,
  signal?: AbortSignal,
): Promise<Partial<Record<PartName, Uint8Array>>> {
  const parts: Partial<Record<PartName, Uint8Array>> = {};
  for (const name of ["codes", "scales", "zeroPoints"] as const) {
    const placement = chunk.placements[name];
    const part = packed.parts[name];
    if (!placement || !part) continue;
    const tensor = tensors.get(part.tensor);
    if (!tensor) throw missing(part.tensor);
    const { offset, rowBytes, rows, stride } = placement;
    const bytes = new Uint8Array(rowBytes * rows);
    const ref = { kind: "read", source: part.tensor, offset, rowBytes, rows, rowStride: stride } as const;
    await readRows(tensor, ref, bytes, signal);
    parts[name] = bytes;
  }
  return parts;
}
