// Constants that are larger than one binding of the device: read from their file and bound in pieces of whole rows, so
// that an operator runs once for each piece.
import { byteLengthOf } from "../../base/dtypes.ts";
import { dtypeOf } from "../../formats/onnx/dtypes.ts";
import type { OnnxTensor, TensorData } from "../../formats/onnx/ir.ts";
import type { GraphBuilder } from "../builder.ts";
import { bufferBytes, sizeOf, type Value } from "../values.ts";

/** Rows `start` to `start + count` of a constant. */
export interface Piece {
  readonly start: number;
  readonly count: number;
  readonly value: Value;
}

/** Rows of a piece are a multiple of this where they can be: what kernels pad their tiles to. */
const wholeRows = 16;

/**
 * Pieces of a constant along its first axis, each within one binding.
 * @param packed counts the bytes of the file, which kernels on packed weights bind, instead of a word an element
 * @returns undefined for what fits in one binding, is computed, or can't be cut between bytes
 */
export function rowPieces(b: GraphBuilder, value: Value, packed = false): readonly Piece[] | undefined {
  const { tensor, dims } = value;
  const [rows = 1] = dims;
  const { maxStorageBufferBindingSize = Infinity, maxBufferSize = Infinity } = b.target.limits ?? {};
  const most = Math.min(maxStorageBufferBindingSize, maxBufferSize);
  if (!tensor || (value.host && !packed) || value.buffer !== undefined || rows < 2) return undefined;
  const inFile = byteLengthOf(dtypeOf(tensor.dataType), sizeOf(dims));
  const bytes = packed ? inFile : bufferBytes(dims);
  const rowBytes = inFile / rows;
  if (bytes <= most || !Number.isInteger(rowBytes)) return undefined;
  const fitting = Math.floor((most * rows) / bytes);
  const each = fitting > wholeRows ? fitting - (fitting % wholeRows) : fitting;
  if (each === 0) return undefined;
  return Array.from({ length: Math.ceil(rows / each) }, (_, i): Piece => {
    const start = i * each;
    const count = Math.min(each, rows - start);
    return { start, count, value: someRows(value, tensor, start, count, rowBytes) };
  });
}

/** Some rows of a constant, as a constant of its own. */
export function someRows(value: Value, tensor: OnnxTensor, start: number, count: number, rowBytes: number): Value {
  const dims = [count, ...value.dims.slice(1)];
  const name = `${value.name} from row ${start}`;
  const data = dataPart(tensor.data, start * rowBytes, count * rowBytes);
  return { name, type: value.type, dims, tensor: { name, dataType: tensor.dataType, dims, data } };
}

function dataPart(data: TensorData, offset: number, length: number): TensorData {
  if (data.kind === "bytes") return { kind: "bytes", bytes: data.bytes.subarray(offset, offset + length) };
  if (data.kind !== "range") return data;
  return { ...data, range: { ...data.range, offset: data.range.offset + offset, length } };
}
