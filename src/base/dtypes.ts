// Names and sizes of element types, shared by formats, kernels and reports.

/** Element types that wgslim can name. Sub-byte types are packed, first element in the low bits. */
export type DType =
  | "f64"
  | "f32"
  | "f16"
  | "bf16"
  | "f8e4m3fn"
  | "f8e4m3fnuz"
  | "f8e5m2"
  | "f8e5m2fnuz"
  | "f8e8m0"
  | "f6e2m3"
  | "f6e3m2"
  | "f4e2m1"
  | "i64"
  | "u64"
  | "i32"
  | "u32"
  | "i16"
  | "u16"
  | "i8"
  | "u8"
  | "i4"
  | "u4"
  | "i2"
  | "u2"
  | "bool"
  | "c64"
  | "c128"
  | "string";

const bits: Readonly<Record<DType, number>> = {
  f64: 64,
  f32: 32,
  f16: 16,
  bf16: 16,
  f8e4m3fn: 8,
  f8e4m3fnuz: 8,
  f8e5m2: 8,
  f8e5m2fnuz: 8,
  f8e8m0: 8,
  f6e2m3: 6,
  f6e3m2: 6,
  f4e2m1: 4,
  i64: 64,
  u64: 64,
  i32: 32,
  u32: 32,
  i16: 16,
  u16: 16,
  i8: 8,
  u8: 8,
  i4: 4,
  u4: 4,
  i2: 2,
  u2: 2,
  bool: 8,
  c64: 64,
  c128: 128,
  string: 0,
};

/** Bits per element; 0 for strings. */
export function bitsOf(dtype: DType): number {
  return bits[dtype];
}

/** Bytes of `count` elements, the last byte padded; 0 for strings. */
export function byteLengthOf(dtype: DType, count: number): number {
  return Math.ceil((bits[dtype] * count) / 8);
}

export const isFloat = (dtype: DType): boolean => /^b?f\d/.test(dtype);

/** Product of the dims; 1 for a scalar. Infinity-safe: the caller checks Number.isSafeInteger. */
export function elementCount(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}
