// Opens a model by what its first bytes say; structure only, weights stay in the source. Readers and planners
// are loaded with the first file that needs them.
import type { ByteSource } from "../base/bytes.ts";
import { UnsupportedError } from "../base/errors.ts";
import type { Model, OnnxFile, Planned } from "./models.ts";

/**
 * Reads a model's structure: ONNX, safetensors, or an index of safetensors shards (model.safetensors.index.json).
 * @throws FormatError when the bytes are no model of a known format; IoError; AbortedError
 * @example const model = await openModel(await fromFile("model.onnx"));
 */
export async function openModel(source: ByteSource, options: { signal?: AbortSignal } = {}): Promise<Model> {
  const { looksLikeIndex, looksLikeSafetensors, readSafetensors, readShards } =
    await import("../formats/safetensors/read.ts");
  const isFile = await looksLikeSafetensors(source, options.signal);
  if (isFile || (await looksLikeIndex(source, options.signal))) {
    const { planSafetensors } = await import("./plan-safetensors.ts");
    const safetensors = await (isFile ? readSafetensors : readShards)(source, options);
    const file = { format: "safetensors", source, safetensors } as const;
    return { ...file, draft: (recipe, how) => planSafetensors(file, recipe, how) };
  }
  const { readOnnx } = await import("../formats/onnx/read.ts");
  const { planOnnx } = await import("./plan-onnx.ts");
  const file = { format: "onnx", source, onnx: await readOnnx(source, options) } as const;
  return { ...file, draft: (recipe, how) => planOnnx(file, recipe, how) };
}

/**
 * Opens a model that must have a graph.
 * @throws UnsupportedError for safetensors; else as `openModel`
 */
export async function openOnnx(
  source: ByteSource,
  options: { signal?: AbortSignal } = {},
): Promise<OnnxFile & Planned> {
  const model = await openModel(source, options);
  if (model.format === "onnx") return model;
  throw new UnsupportedError(`${source.name} is a safetensors file: it holds tensors but no graph.`, {
    hint: "Give the ONNX export of the model.",
    details: { file: source.name },
  });
}
