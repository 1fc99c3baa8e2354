// Decodes packed parts with the plain CPU references, for the proof of export. Shares no code with the
// kernels that packed them: the references are written from the formats' definitions.
import { InternalError } from "../base/errors.ts";
import { affineDecodeCall } from "../kernels/quantize/affine-decode.ts";
import { affineDecodeReference } from "../kernels/quantize/affine-decode.ref.ts";
import { widenHalfCall } from "../kernels/cast/widen-half.ts";
import { widenHalfReference } from "../kernels/cast/widen-half.ref.ts";
import { tableDecodeCall } from "../kernels/quantize/table-decode.ts";
import { tableDecodeReference } from "../kernels/quantize/table-decode.ref.ts";
import { elementsOf } from "../kernels/quantize/geometry.ts";
import type { Chunk } from "../methods/quantize/chunks.ts";
import type { PackedWeight, PartName } from "../methods/quantize/packed.ts";

/** Pads to whole words, as device buffers are. */
function padded(bytes: Uint8Array | undefined, what: string): Uint8Array {
  if (!bytes) throw new InternalError(`A packed tensor lacks its ${what}.`);
  if (bytes.length % 4 === 0 && bytes.length > 0) return bytes;
  const whole = new Uint8Array(Math.max(4, Math.ceil(bytes.length / 4) * 4));
  whole.set(bytes);
  return whole;
}

/** f32 values of a chunk in the order of its geometry. */
export function decodeChunk(
  packed: PackedWeight,
  chunk: Chunk,
  parts: Readonly<Partial<Record<PartName, Uint8Array>>>,
): Float32Array {
  const { geometry } = chunk;
  const { encoding } = packed;
  const decoded = new Uint8Array(elementsOf(geometry) * 4);
  const codes = padded(parts.codes, "codes");
  if (encoding.kind === "affine") {
    const rule = { ...encoding, halfScales: packed.scaleType === "f16" };
    const { params } = affineDecodeCall(geometry, packed.layout, rule);
    const zeroPoints = parts.zeroPoints ? padded(parts.zeroPoints, "zero points") : new Uint8Array(4);
    affineDecodeReference(params, [codes, padded(parts.scales, "scales"), zeroPoints, decoded]);
  } else if (encoding.kind === "table" && geometry.kind === "blocked") {
    const { params } = tableDecodeCall(encoding.table, elementsOf(geometry), geometry.blockSize);
    tableDecodeReference(params, [codes, padded(parts.scales, "absmax"), decoded]);
  } else if (encoding.kind === "cast") {
    const { params } = widenHalfCall(encoding.to, elementsOf(geometry));
    widenHalfReference(params, [codes, decoded]);
  } else throw new InternalError(`Encoding "${encoding.kind}" has no file format yet.`);
  return new Float32Array(decoded.buffer);
}
