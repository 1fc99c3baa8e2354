// Proof of export: the written file is read again as a stranger would read it, every packed tensor is
// decoded by the plain CPU references, and must give bit for bit what the device computed. The device's
// side is the fingerprint in its error records: a wrapping sum over the bits of all decoded values.
import type { ByteSource } from "../base/bytes.ts";
import { ProofError } from "../base/errors.ts";
import { affineFingerprint } from "./affine-fingerprint.ts";
import { decodeChunk } from "./decode.ts";
import type { Chunk } from "../methods/quantize/chunks.ts";
import type { PackedWeight, PartName } from "../methods/quantize/packed.ts";
import type { UnitResult } from "../methods/quantize/units.ts";
import { readParts, writtenTensors } from "./read-parts.ts";

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

/** Fingerprint of a chunk as its packed parts decode. */
export function fingerprintOfChunk(
  packed: PackedWeight,
  chunk: Chunk,
  parts: Readonly<Partial<Record<PartName, Uint8Array>>>,
): number {
  const { encoding, layout, scaleType } = packed;
  const { codes, scales, zeroPoints } = parts;
  if (encoding.kind !== "affine" || !codes || !scales) return fingerprintOf(decodeChunk(packed, chunk, parts));
  return affineFingerprint({
    geometry: chunk.geometry,
    layout,
    bits: encoding.bits,
    signed: encoding.signed,
    halfScales: scaleType === "f16",
    codes,
    scales,
    ...(zeroPoints && encoding.scheme === "asymmetric" ? { zeroPoints } : {}),
  });
}

/**
 * Reads `file` and checks every chunk against the device's fingerprint.
 * @param onProved called after each chunk that held
 * @throws ProofError naming file and tensor; FormatError when the file cannot be read
 */
export async function proveExport(
  file: ByteSource,
  results: readonly UnitResult[],
  fingerprints: ReadonlyMap<string, number>,
  signal?: AbortSignal,
  onProved?: (result: UnitResult) => void,
): Promise<void> {
  const tensors = await writtenTensors(file, signal);
  for (const result of results) {
    const { unit, packed, chunk } = result;
    const fail = (what: string): ProofError =>
      new ProofError(`${file.name}: tensor "${packed.source}" ${what}.`, {
        hint: "Nothing was kept. Run again; if it persists, the disk or the driver corrupts data (see wgslim doctor).",
        details: { file: file.name, tensor: packed.source, unit },
      });
    const missing = (name: string): ProofError => fail(`is missing: "${name}" is not in the written file`);
    const parts = await readParts(tensors, result, missing, signal);
    if (fingerprintOfChunk(packed, chunk, parts) !== fingerprints.get(unit)) {
      throw fail("does not decode to what the device computed");
    }
    onProved?.(result);
  }
}
