// safetensors as data: named tensors and a map of strings. Where each tensor's bytes lie is known; they stay there.
import type { DType } from "../../base/dtypes.ts";
import type { TensorData } from "../onnx/ir.ts";

export interface SafeTensor {
  readonly name: string;
  /** As in the file: "F32", "BF16" … */
  readonly dtype: SafeDType;
  readonly shape: readonly number[];
  /** Row-major, little-endian. */
  readonly data: TensorData;
}

export interface SafetensorsModel {
  /** In the order of their bytes; of several files, one file after the other. */
  readonly tensors: readonly SafeTensor[];
  readonly metadata: readonly (readonly [key: string, value: string])[];
}

/** Element types, from least to most in the order that the format's own writer sorts by. */
const dtypes = [
  ["BOOL", "bool"],
  ["F4", "f4e2m1"],
  ["F6_E2M3", "f6e2m3"],
  ["F6_E3M2", "f6e3m2"],
  ["U8", "u8"],
  ["I8", "i8"],
  ["F8_E5M2", "f8e5m2"],
  ["F8_E4M3", "f8e4m3fn"],
  ["F8_E8M0", "f8e8m0"],
  ["I16", "i16"],
  ["U16", "u16"],
  ["F16", "f16"],
  ["BF16", "bf16"],
  ["I32", "i32"],
  ["U32", "u32"],
  ["F32", "f32"],
  ["C64", "c64"],
  ["F64", "f64"],
  ["I64", "i64"],
  ["U64", "u64"],
] as const satisfies readonly (readonly [string, DType])[];

export type SafeDType = (typeof dtypes)[number][0];

const byName = new Map<string, { readonly name: SafeDType; readonly dtype: DType; readonly order: number }>(
  dtypes.map(([name, dtype], order) => [name, { name, dtype, order }]),
);

export const findSafeDType = (name: string): SafeDType | undefined => byName.get(name)?.name;
export const dtypeOfSafe = (name: SafeDType): DType => byName.get(name)?.dtype ?? "u8";
export const orderOfSafe = (name: SafeDType): number => byName.get(name)?.order ?? 0;
