// The tensors that go into a model and come out of it, as any runtime gives them. Data only.
import type { DType } from "../base/dtypes.ts";

/** One output of a model; elements in C order, whatever type the model gave them in. */
export interface OutputTensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly data: Float32Array | Float64Array;
}

/** Element types that an input may have here. Halves are held as numbers and encoded by the runtime. */
export type InputType = Extract<
  DType,
  "f64" | "f32" | "f16" | "i64" | "u64" | "i32" | "u32" | "i16" | "u16" | "i8" | "u8" | "bool"
>;

/** One input; elements in C order as plain numbers (integers exact up to 2^53, bool as 0 and 1). */
export interface InputTensor {
  readonly name: string;
  readonly dtype: InputType;
  readonly dims: readonly number[];
  readonly data: Float64Array | Float32Array;
}

/** What a model says about one of its inputs; undefined dims and symbols are open. */
export interface InputSpec {
  readonly name: string;
  readonly dtype: InputType;
  readonly dims: readonly (number | string | undefined)[];
}
