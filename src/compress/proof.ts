// Proof of export: the written file is read again as a stranger would read it, every packed tensor is
// decoded by the plain CPU references, and must give bit for bit what the device computed. The device's
// side is the fingerprint in its error records: a wrapping sum over the bits of all decoded values.
import type { ByteSource } from "../base/bytes.ts";
import { ProofError } from "../base/errors.ts";
import type { OnnxGraph, OnnxTensor } from "../formats/onnx/ir.ts";
import { readOnnx } from "../formats/onnx/read.ts";
import { decodeChunk } from "./decode.ts";
import type { PartName } from "../methods/quantize/packed.ts";
import type { UnitResult } from "../methods/quantize/units.ts";
import { readRows } from "./read-rows.ts";

/** Wrapping sum of (bits of each f32, -0 as +0) * (2 * index + 1). */
export function fingerprintOf(values: Float32Array): number {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  let sum = 0;
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i] === 0x80000000 ? 0 : (bits[i] ?? 0);
    sum = (sum + Math.imul(word, 2 * i + 1)) | 0;
  }
  return sum >>> 0;
}

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
 * Reads `file` and checks every chunk against the device's fingerprint.
 * @throws ProofError naming file and tensor; FormatError when the file cannot be read as ONNX
 */
export async function proveExport(
  file: ByteSource,
  results: readonly UnitResult[],
  fingerprints: ReadonlyMap<string, number>,
  signal?: AbortSignal,
): Promise<void> {
  const model = await readOnnx(file, signal ? { signal } : {});
  const tensors = initializersOf(model.graph);
  for (const { unit, packed, chunk } of results) {
    const fail = (what: string): ProofError =>
      new ProofError(`${file.name}: tensor "${packed.source}" ${what}.`, {
        hint: "Nothing was kept. Run again; if it persists, the disk or the driver corrupts data (see wgslim doctor).",
        details: { file: file.name, tensor: packed.source, unit },
      });
    const parts: Partial<Record<PartName, Uint8Array>> = {};
    for (const name of ["codes", "scales", "zeroPoints"] as const) {
      const placement = chunk.placements[name];
      const part = packed.parts[name];
      if (!placement || !part) continue;
      const tensor = tensors.get(part.tensor);
      if (!tensor) throw fail(`is missing: "${part.tensor}" is not in the written file`);
      const bytes = new Uint8Array(placement.rowBytes * placement.rows);
      const { offset, rowBytes, rows, stride } = placement;
      await readRows(
        tensor,
        { kind: "read", source: part.tensor, offset, rowBytes, rows, rowStride: stride },
        bytes,
        signal,
      );
      parts[name] = bytes;
    }
    const decoded = decodeChunk(packed, chunk, parts);
    if (fingerprintOf(decoded) !== fingerprints.get(unit)) throw fail("does not decode to what the device computed");
  }
}
