// ONNX element types and the project's own names for them.
import type { DType } from "../../base/dtypes.ts";
import { UnsupportedError } from "../../base/errors.ts";
import { OnnxType } from "./ir.ts";

const pairs: readonly (readonly [number, DType])[] = [
  [OnnxType.FLOAT, "f32"],
  [OnnxType.UINT8, "u8"],
  [OnnxType.INT8, "i8"],
  [OnnxType.UINT16, "u16"],
  [OnnxType.INT16, "i16"],
  [OnnxType.INT32, "i32"],
  [OnnxType.INT64, "i64"],
  [OnnxType.STRING, "string"],
  [OnnxType.BOOL, "bool"],
  [OnnxType.FLOAT16, "f16"],
  [OnnxType.DOUBLE, "f64"],
  [OnnxType.UINT32, "u32"],
  [OnnxType.UINT64, "u64"],
  [OnnxType.COMPLEX64, "c64"],
  [OnnxType.COMPLEX128, "c128"],
  [OnnxType.BFLOAT16, "bf16"],
  [OnnxType.FLOAT8E4M3FN, "f8e4m3fn"],
  [OnnxType.FLOAT8E4M3FNUZ, "f8e4m3fnuz"],
  [OnnxType.FLOAT8E5M2, "f8e5m2"],
  [OnnxType.FLOAT8E5M2FNUZ, "f8e5m2fnuz"],
  [OnnxType.UINT4, "u4"],
  [OnnxType.INT4, "i4"],
  [OnnxType.FLOAT4E2M1, "f4e2m1"],
  [OnnxType.FLOAT8E8M0, "f8e8m0"],
  [OnnxType.UINT2, "u2"],
  [OnnxType.INT2, "i2"],
];
const byNumber = new Map(pairs);
const byDType = new Map(pairs.map(([number, dtype]) => [dtype, number]));
const names = new Map<number, string>(Object.entries(OnnxType).map(([name, number]) => [number, name]));

/** The element type, or undefined for UNDEFINED (0) and numbers that onnx.proto does not have. */
export const findDType = (dataType: number): DType | undefined => byNumber.get(dataType);

/** @throws UnsupportedError for a number that onnx.proto does not have */
export function dtypeOf(dataType: number): DType {
  const dtype = byNumber.get(dataType);
  if (dtype) return dtype;
  throw new UnsupportedError(`ONNX element type ${dataType} is unknown.`, { details: { dataType } });
}

/** @throws UnsupportedError for types that ONNX lacks (f6e2m3, f6e3m2) */
export function onnxTypeOf(dtype: DType): number {
  const number = byDType.get(dtype);
  if (number !== undefined) return number;
  throw new UnsupportedError(`ONNX has no element type for ${dtype}.`, { details: { dtype } });
}

/** "FLOAT16" for 10; the number itself where it is unknown. */
export const onnxTypeName = (dataType: number): string => names.get(dataType) ?? String(dataType);
