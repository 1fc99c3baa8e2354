// The values of one compressed tensor before and after, for histograms and other looks at what was lost. Reads the
// input and the written file; needs no device.
import type { ByteSource } from "../base/bytes.ts";
import { FormatError, UsageError } from "../base/errors.ts";
import { decodeHalf } from "../base/half.ts";
import type { SourceType } from "../methods/quantize/packed.ts";
import { decodeChunk } from "./decode.ts";
import type { CompressionPlan } from "./plan-compression.ts";
import { readParts, writtenTensors } from "./read-parts.ts";
import { readRows } from "./read-rows.ts";

export interface TensorValues {
  readonly before: Float32Array;
  readonly after: Float32Array;
}

/**
 * All values of one of the plan's tensors. Each array is in an order of its own, so they compare as sets.
 * @param output the file that running the plan has written
 * @param name as in `plan.tensors`
 * @throws UsageError for a tensor that the plan lacks; FormatError where the file is not the plan's; IoError
 */
export async function readTensorValues(
  plan: CompressionPlan,
  output: ByteSource,
  name: string,
  signal?: AbortSignal,
): Promise<TensorValues> {
  const planned = plan.tensors.find((tensor) => tensor.name === name);
  if (!planned) throw new UsageError(`The plan has no tensor "${name}".`, { details: { tensor: name } });
  const units = plan.job.results.filter(({ packed }) => planned.packed.includes(packed.id));
  const count = units.reduce((sum, { chunk }) => sum + chunk.elements, 0);
  const [before, after] = [new Float32Array(count), new Float32Array(count)];
  const tensors = await writtenTensors(output, signal);
  const missing = (tensor: string): FormatError =>
    new FormatError(`${output.name} has no tensor "${tensor}".`, {
      hint: "Give the file that this plan wrote.",
      details: { file: output.name, tensor },
    });
  let at = 0;
  for (const unit of units) {
    const { packed, chunk } = unit;
    const source = plan.job.sources.get(packed.source);
    if (!source) throw new UsageError(`The plan has no source "${packed.source}".`);
    const bytes = new Uint8Array(chunk.read.rowBytes * chunk.read.rows);
    await readRows(source, chunk.read, bytes, signal);
    before.set(floatsOf(bytes, packed.sourceType), at);
    after.set(decodeChunk(packed, chunk, await readParts(tensors, unit, missing, signal)), at);
    at += chunk.elements;
  }
  return { before, after };
}

function floatsOf(bytes: Uint8Array, type: SourceType): Float32Array {
  if (type === "f32") return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const words = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
  if (type === "f16") return Float32Array.from(words, decodeHalf);
  return new Float32Array(Uint32Array.from(words, (word) => word << 16).buffer);
}
