// f32 and bf16 constants as f16: the small ones here and now, the rest by the device. Values beyond the range become the
// largest finite half, as masks such as -3.4e38 need it. A lone number that would vanish becomes the smallest
// half that keeps some precision: it is an epsilon, and a zero in its place would be divided by.
import { elementCount } from "../../../base/dtypes.ts";
import { decodeBfloat, encodeHalf } from "../../../base/half.ts";
import { OnnxType, type OnnxTensor } from "../../../formats/onnx/ir.ts";
import type { PackedWeight } from "../packed.ts";

const largestHalf = 65504;
const smallestKept = 2 ** -23;
const hostBytes = 1024;

/** True for constants that are loaded and small enough to be cast without a device. */
export const hostCastable = ({ data }: OnnxTensor): boolean => data.kind === "bytes" && data.bytes.length <= hostBytes;

const clamp = (value: number): number => Math.max(-largestHalf, Math.min(largestHalf, value));

function halfOf(value: number, lone: boolean): number {
  if (!Number.isFinite(value)) return encodeHalf(value);
  const vanishes = lone && value !== 0 && Math.abs(value) < smallestKept;
  return encodeHalf(vanishes ? Math.sign(value) * smallestKept : clamp(value));
}

/** Casts a small constant; `warning` names it where its values do not fit. */
export function castOnHost(tensor: OnnxTensor, name: string): { half: OnnxTensor; warning?: string } {
  const bytes = tensor.data.kind === "bytes" ? tensor.data.bytes : new Uint8Array(0);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values =
    tensor.dataType === OnnxType.BFLOAT16
      ? Array.from({ length: bytes.byteLength / 2 }, (_, i) => decodeBfloat(view.getUint16(i * 2, true)))
      : Array.from({ length: bytes.byteLength / 4 }, (_, i) => view.getFloat32(i * 4, true));
  const packed = new Uint8Array(values.length * 2);
  const out = new DataView(packed.buffer);
  for (const [i, value] of values.entries()) out.setUint16(i * 2, halfOf(value, values.length === 1), true);
  const half: OnnxTensor = {
    name,
    dataType: OnnxType.FLOAT16,
    dims: tensor.dims,
    data: { kind: "bytes", bytes: packed },
  };
  const beyond = values.filter((value) => Number.isFinite(value) && Math.abs(value) > largestHalf).length;
  return beyond === 0 ? { half } : { half, warning: rangeWarning(tensor.name, beyond) };
}

/** What is said of values that f16 cannot hold. */
export const rangeWarning = (tensor: string, count: number): string =>
  `"${tensor}": ${count === 1 ? "1 value is" : `${count} values are`} outside the f16 range and became +-65504.`;

/** A constant that the device casts. */
export function castOnDevice(
  tensor: OnnxTensor,
  name: string,
  source: string,
): { half: OnnxTensor; packed: PackedWeight } {
  const elements = elementCount(tensor.dims);
  const length = elements * 2;
  return {
    half: { name, dataType: OnnxType.FLOAT16, dims: tensor.dims, data: { kind: "pending", key: name, length } },
    packed: {
      id: name,
      source,
      sourceType: tensor.dataType === OnnxType.BFLOAT16 ? "bf16" : "f32",
      sourceElement: 0,
      geometry: { kind: "wide", outer: 1, channels: elements, inner: 1 },
      layout: "natural",
      encoding: { kind: "cast", to: "f16", saturate: true },
      search: { kind: "absmax" },
      scaleType: "f32",
      parts: { codes: { key: name, tensor: name, bytes: length } },
    },
  };
}

/** ConstantOfShape's one element as f16. */
export function halfScalar(tensor: OnnxTensor): OnnxTensor {
  return hostCastable(tensor) ? castOnHost(tensor, tensor.name).half : tensor;
}
