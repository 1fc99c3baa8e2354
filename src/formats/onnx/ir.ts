// ONNX as data: what the reader yields and the writer takes. Treated as immutable; an edit makes new
// objects. The very object that the reader made is written byte for byte as it was read; a changed copy
// ({ ...node, inputs }) is encoded anew even if `raw` came along (see verbatim.ts).
// Field names follow onnx.proto; unknown fields are carried along.
import type { ByteSource } from "../../base/bytes.ts";

/** Where an object's own protobuf payload lies in its file. */
export interface RawRange {
  readonly source: ByteSource;
  readonly offset: number;
  readonly length: number;
}

/** One or more consecutive protobuf fields of this number that the reader does not interpret. */
export interface UnknownField {
  readonly field: number;
  /** As on the wire, tags included. */
  readonly payload: Uint8Array | RawRange;
}

/** Numbers of TensorProto.DataType. */
export const OnnxType = {
  FLOAT: 1,
  UINT8: 2,
  INT8: 3,
  UINT16: 4,
  INT16: 5,
  INT32: 6,
  INT64: 7,
  STRING: 8,
  BOOL: 9,
  FLOAT16: 10,
  DOUBLE: 11,
  UINT32: 12,
  UINT64: 13,
  COMPLEX64: 14,
  COMPLEX128: 15,
  BFLOAT16: 16,
  FLOAT8E4M3FN: 17,
  FLOAT8E4M3FNUZ: 18,
  FLOAT8E5M2: 19,
  FLOAT8E5M2FNUZ: 20,
  UINT4: 21,
  INT4: 22,
  FLOAT4E2M1: 23,
  FLOAT8E8M0: 24,
  UINT2: 25,
  INT2: 26,
} as const;
export type OnnxType = (typeof OnnxType)[keyof typeof OnnxType];

/** A tensor's elements, little-endian and packed as raw_data would hold them, wherever they lie. */
export type TensorData =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  /** Not loaded: a range of the model file or of an external data file. */
  | { readonly kind: "range"; readonly range: RawRange; readonly external?: { readonly location: string } }
  /** Not computed yet: a run will deliver `length` bytes under `key`. */
  | { readonly kind: "pending"; readonly key: string; readonly length: number }
  | { readonly kind: "strings"; readonly values: readonly Uint8Array[] };

export interface OnnxTensor {
  readonly name: string;
  readonly dataType: number;
  readonly dims: readonly number[];
  readonly data: TensorData;
  readonly docString?: string;
  readonly unknown?: readonly UnknownField[];
  readonly raw?: RawRange;
}

export type AttributeValue =
  | { readonly type: "float"; readonly value: number }
  | { readonly type: "int"; readonly value: bigint }
  | { readonly type: "string"; readonly value: Uint8Array }
  | { readonly type: "tensor"; readonly value: OnnxTensor }
  | { readonly type: "graph"; readonly value: OnnxGraph }
  | { readonly type: "floats"; readonly value: readonly number[] }
  | { readonly type: "ints"; readonly value: readonly bigint[] }
  | { readonly type: "strings"; readonly value: readonly Uint8Array[] }
  | { readonly type: "tensors"; readonly value: readonly OnnxTensor[] }
  | { readonly type: "graphs"; readonly value: readonly OnnxGraph[] }
  /** Sparse tensors, type protos and references to function attributes: kept, not interpreted. */
  | { readonly type: "opaque"; readonly onnxType: number };

export interface OnnxAttribute {
  readonly name: string;
  readonly value: AttributeValue;
  readonly unknown?: readonly UnknownField[];
  readonly raw?: RawRange;
}

export interface OnnxNode {
  readonly name: string;
  readonly opType: string;
  /** "" is the default domain. */
  readonly domain: string;
  /** "" marks an omitted optional input. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly OnnxAttribute[];
  readonly docString?: string;
  readonly unknown?: readonly UnknownField[];
  readonly raw?: RawRange;
}

/** A dim is a number, a symbol, or unknown (undefined). */
export type Dim = number | string | undefined;

export interface TensorType {
  readonly dataType: number;
  /** Absent: even the rank is unknown. */
  readonly dims?: readonly Dim[];
  /** What the tensor means ("IMAGE" …), and what its dims mean ("DATA_BATCH" …). */
  readonly denotation?: string;
  readonly dimDenotations?: readonly (string | undefined)[];
}

export interface ValueInfo {
  readonly name: string;
  /** Absent when the value is not a plain tensor or carries no type. */
  readonly tensor?: TensorType;
  readonly docString?: string;
  readonly unknown?: readonly UnknownField[];
  readonly raw?: RawRange;
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly valueInfo: readonly ValueInfo[];
  readonly docString?: string;
  /** Values that sparse initializers define; the initializers themselves are in `unknown`. */
  readonly sparseNames?: readonly string[];
  /** Sparse initializers, quantization annotations, graph metadata … */
  readonly unknown?: readonly UnknownField[];
}

/** A model-local function, as far as its body matters to the model around it. */
export interface OnnxFunction {
  readonly name: string;
  readonly domain: string;
  readonly nodes: readonly OnnxNode[];
}

export interface OnnxModel {
  readonly irVersion: number;
  readonly opsets: readonly { readonly domain: string; readonly version: number }[];
  readonly producerName?: string;
  readonly producerVersion?: string;
  readonly domain?: string;
  readonly modelVersion?: bigint;
  readonly docString?: string;
  readonly metadata: readonly (readonly [key: string, value: string])[];
  readonly graph: OnnxGraph;
  /** What model-local functions are made of, to look at: they are written from `unknown`. */
  readonly functions?: readonly OnnxFunction[];
  /** Model-local functions and training info: kept byte for byte. */
  readonly unknown?: readonly UnknownField[];
}
