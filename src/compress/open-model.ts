// Opens a model by what its first bytes say; structure only, weights stay in the source.
import type { ByteSource } from "../base/bytes.ts";
import { UnsupportedError } from "../base/errors.ts";
import type { OnnxModel } from "../formats/onnx/ir.ts";
import { readOnnx } from "../formats/onnx/read.ts";
import { looksLikeIndex, looksLikeSafetensors, readSafetensors, readShards } from "../formats/safetensors/read.ts";
import type { SafetensorsModel } from "../formats/safetensors/types.ts";

export interface OnnxFile {
  readonly format: "onnx";
  readonly source: ByteSource;
  readonly onnx: OnnxModel;
}

/** Tensors without a graph, of one file or of the shards that an index names. */
export interface SafetensorsFile {
  readonly format: "safetensors";
  readonly source: ByteSource;
  readonly safetensors: SafetensorsModel;
}

export type Model = OnnxFile | SafetensorsFile;

/**
 * Reads a model's structure: ONNX, safetensors, or an index of safetensors shards (model.safetensors.index.json).
 * @throws FormatError when the bytes are no model of a known format; IoError; AbortedError
 * @example const model = await openModel(await fromFile("model.onnx"));
 */
export async function openModel(source: ByteSource, options: { signal?: AbortSignal } = {}): Promise<Model> {
  if (await looksLikeSafetensors(source, options.signal)) {
    return { format: "safetensors", source, safetensors: await readSafetensors(source, options) };
  }
  if (await looksLikeIndex(source, options.signal)) {
    return { format: "safetensors", source, safetensors: await readShards(source, options) };
  }
  return { format: "onnx", source, onnx: await readOnnx(source, options) };
}

/**
 * Opens a model that must have a graph.
 * @throws UnsupportedError for safetensors; else as `openModel`
 */
export async function openOnnx(source: ByteSource, options: { signal?: AbortSignal } = {}): Promise<OnnxFile> {
  const model = await openModel(source, options);
  if (model.format === "onnx") return model;
  throw new UnsupportedError(`${source.name} is a safetensors file: it holds tensors but no graph.`, {
    hint: "Give the ONNX export of the model.",
    details: { file: source.name },
  });
}
