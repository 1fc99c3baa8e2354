// Values while a graph is lowered. A value is known on the host (shapes, small constants), or held in a device
// buffer of 32-bit words, or a constant that still lies in its file; it may be more than one of these.
import { UnsupportedError } from "../base/errors.ts";
import { onnxTypeName } from "../formats/onnx/dtypes.ts";
import { OnnxType, type OnnxTensor } from "../formats/onnx/ir.ts";
import type { Activation } from "../kernels/nn/activation.ts";

/** Elements as plain numbers in C order, whatever the type; int64 beyond 2^53 is rounded. */
export interface HostTensor {
  /** A number of TensorProto.DataType. */
  readonly type: number;
  readonly dims: readonly number[];
  readonly data: Float64Array;
}

/** What the words of a device buffer are. */
export type WordType = "f32" | "i32" | "u32";

export interface Value {
  readonly type: number;
  readonly dims: readonly number[];
  /** For messages: the name in the graph. */
  readonly name: string;
  /** The elements, where they are known before anything runs. */
  readonly host?: HostTensor;
  /** Index of the program's buffer, once the value is on the device. */
  readonly buffer?: number;
  /** A constant that has not been read. */
  readonly tensor?: OnnxTensor;
  /**
   * Elements that can be worked out from graph inputs on the host; the program then holds for those inputs only.
   * Undefined where an input is not to be had before the run.
   */
  readonly derive?: () => HostTensor | undefined;
  /** How the step that made this value can take in what follows; left out of any value derived from it. */
  readonly fusion?: Fusion;
}

/**
 * Makes a value anew with the next operation in the same kernel. The step without it is dropped if nothing else
 * reads its result.
 */
export interface Fusion {
  readonly activate?: (activation: Activation) => Value;
  /** Adds a constant that broadcasts along the value; undefined where its shape is no bias. */
  readonly add?: (bias: Value) => Value | undefined;
  /** Multiplies and shifts each channel (axis 1) by constants of as many elements. */
  readonly scale?: (factor: Value, shift: Value) => Value;
}

const intTypes: ReadonlySet<number> = new Set([
  OnnxType.INT64,
  OnnxType.INT32,
  OnnxType.INT16,
  OnnxType.INT8,
  OnnxType.UINT8,
  OnnxType.UINT16,
  OnnxType.BOOL,
  OnnxType.INT4,
  OnnxType.UINT4,
  OnnxType.INT2,
  OnnxType.UINT2,
  OnnxType.UINT64,
]);

const floatTypes: ReadonlySet<number> = new Set([
  OnnxType.FLOAT,
  OnnxType.FLOAT16,
  OnnxType.BFLOAT16,
  OnnxType.DOUBLE,
  OnnxType.FLOAT8E4M3FN,
  OnnxType.FLOAT8E5M2,
]);

export const isFloatType = (type: number): boolean => floatTypes.has(type);

/**
 * How a type's elements lie on the device, one word each.
 * @throws UnsupportedError for strings, complex numbers and other types that have no word
 */
export function wordTypeOf(type: number): WordType {
  if (floatTypes.has(type)) return "f32";
  if (intTypes.has(type)) return "i32";
  if (type === OnnxType.UINT32) return "u32";
  throw new UnsupportedError(`Tensors of type ${onnxTypeName(type)} can't be computed with on the device.`, {
    hint: "Keep such tensors out of the part of the graph that is run.",
    details: { type: onnxTypeName(type) },
  });
}

export const sizeOf = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1);

/** Bytes of a device buffer that holds `dims`; never 0, since WebGPU binds nothing empty. */
export const bufferBytes = (dims: readonly number[]): number => Math.max(1, sizeOf(dims)) * 4;

/** A host tensor of int64, as shapes are. */
export const intTensor = (values: readonly number[], dims: readonly number[] = [values.length]): HostTensor => ({
  type: OnnxType.INT64,
  dims,
  data: Float64Array.from(values),
});

/** The words of a host tensor as the device holds them; int64 is kept within i32. */
export function wordsOf({ type, data }: HostTensor): Uint8Array<ArrayBuffer> {
  const word = wordTypeOf(type);
  if (word === "f32") return new Uint8Array(Float32Array.from(data).buffer);
  if (word === "u32") return new Uint8Array(Uint32Array.from(data).buffer);
  const [low, high] = [-(2 ** 31), 2 ** 31 - 1];
  return new Uint8Array(Int32Array.from(data, (value) => Math.min(Math.max(value, low), high)).buffer);
}
