// What every rewrite of a weight yields, and the small makers that rewrites share.
import type { AttributeValue, OnnxNode, OnnxTensor } from "../../../formats/onnx/ir.ts";
import { OnnxType } from "../../../formats/onnx/ir.ts";
import { UnsupportedError } from "../../../base/errors.ts";
import {
  codeCount,
  groupCount,
  blocksPerRow,
  type CodeLayout,
  type Geometry,
} from "../../../kernels/quantize/geometry.ts";
import { storedHolder, type NameSpace } from "../../../model/scopes.ts";
import type { Weight } from "../../../model/weights.ts";
import type { Encoding, ScaleSearch, ScaleType } from "../encoding.ts";
import { codeBits, type PackedPart, type PackedWeight, type PartName, type SourceType } from "../packed.ts";
import type { GraphEdit } from "./edits.ts";

/** What a rewritten model needs of its runtime. */
export interface Requirement {
  /** Lowest version of the default operator set. */
  readonly opset?: number;
  /** Contributed domains, all at version 1. */
  readonly domains?: readonly string[];
}

export interface Rewrite {
  readonly packed: readonly PackedWeight[];
  readonly edits: readonly GraphEdit[];
  readonly requires: Requirement;
  /** The operator that reads the packed weight, for the report. */
  readonly op: string;
}

export interface RewriteContext {
  readonly names: Pick<NameSpace, "fresh">;
  /** Key of a constant's bytes for the run's IO. */
  sourceKey(weight: Weight): string;
  /** Storage of scales and of the floats around: f16 in an f16 model. */
  readonly scaleType: ScaleType;
  /** The weight's scales lie outside of what f16 holds. */
  readonly fullScales: boolean;
  /** Collects Casts back to half types, which may turn out to be needless: see `dropNeedlessCasts`. */
  readonly narrowings: Set<OnnxNode>;
}

/**
 * The type in which operators on a packed weight compute. It is f32 for weights that are read as bf16: no provider of
 * onnxruntime but CUDA's has operators on packed weights with scales of that type.
 */
export const computedType = ({ dataType }: Weight): number =>
  dataType === OnnxType.BFLOAT16 ? OnnxType.FLOAT : dataType;

/** Nodes that make a value, and where it is not of the type that the weight's readers see, a Cast to that. */
export function toSeenType(
  context: RewriteContext,
  { weight, computed = computedType(weight) }: { readonly weight: Weight; readonly computed?: number },
  output: string,
  make: (output: string) => readonly OnnxNode[],
): OnnxNode[] {
  const { dataType } = weight;
  if (dataType === computed) return [...make(output)];
  const wide = context.names.fresh(`${output}_wide`);
  const cast = node("Cast", context.names.fresh(`${output}_narrow`), [wide], [output], { to: BigInt(dataType) });
  context.narrowings.add(cast);
  return [...make(wide), cast];
}

export const scaleOnnxType = (type: ScaleType): number => (type === "f16" ? OnnxType.FLOAT16 : OnnxType.FLOAT);

type Attributes = Readonly<Record<string, bigint | number | string | readonly bigint[]>>;

/** A node; integers are given as bigint, floats as number. */
export function node(
  opType: string,
  name: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Attributes = {},
  domain = "",
): OnnxNode {
  const encoder = new TextEncoder();
  const valueOf = (value: Attributes[string]): AttributeValue => {
    if (typeof value === "bigint") return { type: "int", value };
    if (typeof value === "number") return { type: "float", value };
    if (typeof value === "string") return { type: "string", value: encoder.encode(value) };
    return { type: "ints", value };
  };
  return {
    name,
    opType,
    domain,
    inputs,
    outputs,
    attributes: Object.entries(attributes).map(([key, value]) => ({ name: key, value: valueOf(value) })),
  };
}

export function pendingTensor(name: string, dataType: number, dims: readonly number[], part: PackedPart): OnnxTensor {
  return { name, dataType, dims, data: { kind: "pending", key: part.key, length: part.bytes } };
}

/** A small 1-D int64 constant, for shapes and axes. */
export function int64Tensor(name: string, values: readonly number[], scalar = false): OnnxTensor {
  const bytes = new Uint8Array(new BigInt64Array(values.map(BigInt)).buffer);
  return { name, dataType: OnnxType.INT64, dims: scalar ? [] : [values.length], data: { kind: "bytes", bytes } };
}

export function sourceTypeOf(weight: Weight): SourceType {
  if (weight.storedType === OnnxType.FLOAT) return "f32";
  if (weight.storedType === OnnxType.FLOAT16) return "f16";
  if (weight.storedType === OnnxType.BFLOAT16) return "bf16";
  throw new UnsupportedError(`Weight "${weight.id}" is of an element type that is not quantized.`, {
    details: { tensor: weight.id },
  });
}

export interface PackRequest {
  readonly weight: Weight;
  readonly geometry: Geometry;
  readonly layout: CodeLayout;
  readonly encoding: Encoding;
  readonly search: ScaleSearch;
  readonly withZeroPoints: boolean;
  /** Storage of the scales; the context's by default. */
  readonly scaleType?: ScaleType;
  readonly transpose?: { readonly rows: number; readonly cols: number };
  readonly sourceElement?: number;
  /** Base of the new tensors' names; the weight's own by default. */
  readonly baseName?: string;
  /** What is appended to it; by default as the graph's rewrites name their tensors. */
  readonly suffixes?: typeof graphSuffixes;
}

const graphSuffixes: Readonly<Record<PartName, string>> = {
  codes: "_quantized",
  scales: "_scale",
  zeroPoints: "_zero_point",
};

/** Lays down a packed weight: names, keys and exact byte sizes of its parts. */
export function pack(context: RewriteContext, request: PackRequest): PackedWeight {
  const { weight, geometry, layout, encoding } = request;
  const base = request.baseName ?? storedHolder(weight.holder).name;
  const bits = codeBits(encoding);
  const groups = groupCount(geometry);
  const scaleType = encoding.kind === "affine" ? (request.scaleType ?? context.scaleType) : "f32";
  const part = (name: PartName, bytes: number): PackedPart => {
    const tensor = context.names.fresh(`${base}${(request.suffixes ?? graphSuffixes)[name]}`);
    return { key: tensor, tensor, bytes };
  };
  const codes = part("codes", Math.ceil((codeCount(geometry, layout) * bits) / 8));
  const scales = part("scales", groups * (scaleType === "f16" ? 2 : 4));
  const zeroPoints = request.withZeroPoints
    ? part("zeroPoints", zeroPointBytes(geometry, layout, bits, groups))
    : undefined;
  return {
    id: codes.tensor,
    source: context.sourceKey(weight),
    sourceType: sourceTypeOf(weight),
    sourceElement: request.sourceElement ?? 0,
    ...(request.transpose ? { transpose: request.transpose } : {}),
    geometry,
    layout,
    encoding,
    search: request.search,
    scaleType,
    parts: { codes, scales, ...(zeroPoints ? { zeroPoints } : {}) },
  };
}

function zeroPointBytes(geometry: Geometry, layout: CodeLayout, bits: number, groups: number): number {
  if (layout === "natural" || geometry.kind === "wide") return Math.ceil((groups * bits) / 8);
  const blocks = blocksPerRow(geometry);
  return (groups / blocks) * Math.ceil((blocks * bits) / 8);
}

/** Zero points that are all the same code, for operators that ask for a tensor of them. */
export function constantZeroPoints(
  name: string,
  dataType: number,
  dims: readonly number[],
  bits: number,
  code: number,
): OnnxTensor {
  const count = dims.reduce((product, dim) => product * dim, 1);
  let byte = 0;
  for (let shift = 0; shift < 8; shift += bits) byte |= code << shift;
  const bytes = new Uint8Array(Math.ceil((count * bits) / 8)).fill(byte);
  const spare = bytes.length * 8 - count * bits;
  const last = bytes.length - 1;
  if (spare > 0) bytes[last] = (bytes[last] ?? 0) & (0xff >> spare);
  return { name, dataType, dims, data: { kind: "bytes", bytes } };
}
