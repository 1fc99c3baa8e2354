// Opens a model by what its first bytes say; structure only, weights stay in the source.
import type { ByteSource } from "../base/bytes.ts";
import { FormatError } from "../base/errors.ts";
import type { OnnxModel } from "../formats/onnx/ir.ts";
import { readOnnx } from "../formats/onnx/read.ts";

export interface OnnxFile {
  readonly format: "onnx";
  readonly source: ByteSource;
  readonly onnx: OnnxModel;
}

export type Model = OnnxFile;

/**
 * Reads a model's structure.
 * @throws FormatError when the bytes are no model of a known format; IoError; AbortedError
 * @example const model = await openModel(fromFile("model.onnx"));
 */
export async function openModel(source: ByteSource, options: { signal?: AbortSignal } = {}): Promise<Model> {
  if (source.size >= 9) {
    const head = await source.read(0, 9, options.signal);
    if (head[8] === 0x7b && new DataView(head.buffer, head.byteOffset).getUint32(4, true) === 0) {
      throw new FormatError(`${source.name} is a safetensors file: it holds tensors but no graph to rewrite.`, {
        hint: "Use the safetensors commands, or give the ONNX export of the model.",
        details: { file: source.name },
      });
    }
  }
  return { format: "onnx", source, onnx: await readOnnx(source, options) };
}
