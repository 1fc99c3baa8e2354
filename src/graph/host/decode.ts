// Elements of a constant as plain numbers, and as the words of a device buffer.
import { decodeHalf } from "../../base/half.ts";
import { OnnxType, type OnnxTensor } from "../../formats/onnx/ir.ts";
import { sizeOf, wordsOf, type HostTensor } from "../values.ts";

type Reader = (view: DataView, at: number) => number;

const wholeBytes: Readonly<Record<number, { readonly bytes: number; readonly read: Reader }>> = {
  [OnnxType.FLOAT]: { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  [OnnxType.DOUBLE]: { bytes: 8, read: (view, at) => view.getFloat64(at, true) },
  [OnnxType.FLOAT16]: { bytes: 2, read: (view, at) => decodeHalf(view.getUint16(at, true)) },
  [OnnxType.BFLOAT16]: { bytes: 2, read: (view, at) => bfloat(view.getUint16(at, true)) },
  [OnnxType.INT64]: { bytes: 8, read: (view, at) => Number(view.getBigInt64(at, true)) },
  [OnnxType.UINT64]: { bytes: 8, read: (view, at) => Number(view.getBigUint64(at, true)) },
  [OnnxType.INT32]: { bytes: 4, read: (view, at) => view.getInt32(at, true) },
  [OnnxType.UINT32]: { bytes: 4, read: (view, at) => view.getUint32(at, true) },
  [OnnxType.INT16]: { bytes: 2, read: (view, at) => view.getInt16(at, true) },
  [OnnxType.UINT16]: { bytes: 2, read: (view, at) => view.getUint16(at, true) },
  [OnnxType.INT8]: { bytes: 1, read: (view, at) => view.getInt8(at) },
  [OnnxType.UINT8]: { bytes: 1, read: (view, at) => view.getUint8(at) },
  [OnnxType.BOOL]: { bytes: 1, read: (view, at) => Number(view.getUint8(at) !== 0) },
};

const packedBits: Readonly<Record<number, { readonly bits: number; readonly signed: boolean }>> = {
  [OnnxType.INT4]: { bits: 4, signed: true },
  [OnnxType.UINT4]: { bits: 4, signed: false },
  [OnnxType.INT2]: { bits: 2, signed: true },
  [OnnxType.UINT2]: { bits: 2, signed: false },
};

const scratch = new DataView(new ArrayBuffer(4));
const bfloat = (bits: number): number => (scratch.setUint32(0, bits << 16), scratch.getFloat32(0));

/** The elements of a tensor, given its bytes; undefined for types that are no numbers. */
export function decodeTensor({ dataType: type, dims }: OnnxTensor, bytes: Uint8Array): HostTensor | undefined {
  const count = sizeOf(dims);
  const data = new Float64Array(count);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const whole = wholeBytes[type];
  if (whole) {
    for (let i = 0; i < count; i++) data[i] = whole.read(view, i * whole.bytes);
    return { type, dims, data };
  }
  const packed = packedBits[type];
  if (packed) {
    const { bits, signed } = packed;
    for (let i = 0; i < count; i++) {
      const bit = i * bits;
      const code = (view.getUint8(bit >> 3) >> (bit & 7)) & (2 ** bits - 1);
      data[i] = signed && code >= 2 ** (bits - 1) ? code - 2 ** bits : code;
    }
    return { type, dims, data };
  }
  return undefined;
}

/**
 * Elements as device words, one each; f32 bytes are taken as they are.
 * @returns undefined for types that are no numbers
 */
export function tensorWords(tensor: OnnxTensor, bytes: Uint8Array): Uint8Array | undefined {
  if (tensor.dataType === OnnxType.FLOAT || tensor.dataType === OnnxType.INT32) return bytes;
  const decoded = decodeTensor(tensor, bytes);
  return decoded && wordsOf(decoded);
}
