// Weight to DequantizeLinear: the packed weight goes through a DequantizeLinear node whose output keeps the
// weight's name, so that no use of it changes. Standard ONNX, fits every operator.
// Versions: per tensor 10, per axis 13, f16 scales 19, 4 bits and blocks 21, 2 bits 25 (onnx.ai operator pages).
//
// Scales of blocks are many: they are stored as f16 and widened by a Cast, which runtimes fold when they load. Codes
// are chosen for the stored scale, so nothing is lost but half of the scales' bytes.
import { OnnxType, type OnnxNode, type OnnxTensor } from "../../../formats/onnx/ir.ts";
import { elementCount } from "../../../base/dtypes.ts";
import { blocksPerRow, type BlockedGeometry, type Geometry } from "../../../kernels/quantize/geometry.ts";
import { weightRole, type Weight } from "../../../model/weights.ts";
import { dequantizeLinearEncoding, type ResolvedFormat } from "../formats.ts";
import type { GraphEdit } from "./edits.ts";
import {
  constantZeroPoints,
  int64Tensor,
  node,
  pack,
  pendingTensor,
  scaleOnnxType,
  toSeenType,
  type Rewrite,
  type RewriteContext,
} from "./rewrite.ts";

const codeTypes: Readonly<Record<string, number>> = {
  i8: OnnxType.INT8,
  u8: OnnxType.UINT8,
  i4: OnnxType.INT4,
  u4: OnnxType.UINT4,
  i2: OnnxType.INT2,
  u2: OnnxType.UINT2,
};

/** Output-channel and reduction axis of a weight, from the operator that uses it. */
export function axesOf(weight: Weight): { channel: number; reduction: number } {
  const use = weight.uses[0];
  const rank = weight.dims.length;
  const role = use && weightRole(use.node, use.inputIndex);
  const flag = (name: string) =>
    use?.node.attributes.some((a) => a.name === name && a.value.type === "int" && a.value.value !== 0n);
  if (role === "conv") return { channel: 0, reduction: 1 };
  if (role === "convTranspose") return { channel: 1, reduction: 0 };
  if (role === "recurrent") return { channel: 1, reduction: 2 };
  if (role === "embedding" || role === "other") return { channel: 0, reduction: rank - 1 };
  const first = use?.inputIndex === 0;
  const transposed = first ? flag("transA") : flag("transB");
  const channelLast = first === (transposed ?? false);
  return channelLast ? { channel: rank - 1, reduction: rank - 2 } : { channel: rank - 2, reduction: rank - 1 };
}

/** The shape that DequantizeLinear sees, and how it is grouped. */
export interface Grouping {
  readonly geometry: Geometry;
  /** Shape of the packed weight; differs from the weight's where blocks run over a flattened row. */
  readonly dims: readonly number[];
  readonly scaleDims: readonly number[];
  readonly attributes: Readonly<Record<string, bigint>>;
}

export function groupingOf(weight: Weight, format: Pick<ResolvedFormat, "granularity" | "blockSize">): Grouping {
  const { dims } = weight;
  const { channel, reduction } = axesOf(weight);
  if (format.granularity === "tensor") {
    return {
      geometry: { kind: "wide", outer: 1, channels: 1, inner: weight.elements },
      dims,
      scaleDims: [],
      attributes: {},
    };
  }
  if (format.granularity === "channel") {
    const channels = dims[channel] ?? 1;
    const [outer, inner] = [elementCount(dims.slice(0, channel)), elementCount(dims.slice(channel + 1))];
    return {
      geometry: { kind: "wide", outer, channels, inner },
      dims,
      scaleDims: [channels],
      attributes: { axis: BigInt(channel) },
    };
  }
  const flatten = weight.role === "conv" || weight.role === "convTranspose";
  const packedDims = flatten ? [dims[0] ?? 1, elementCount(dims.slice(1))] : dims;
  const axis = flatten ? 1 : reduction;
  const dim = packedDims[axis] ?? 1;
  const geometry: BlockedGeometry = {
    kind: "blocked",
    outer: elementCount(packedDims.slice(0, axis)),
    dim,
    inner: elementCount(packedDims.slice(axis + 1)),
    blockSize: Math.min(format.blockSize, dim),
  };
  return {
    geometry,
    dims: packedDims,
    scaleDims: packedDims.map((size, i) => (i === axis ? blocksPerRow(geometry) : size)),
    attributes: { axis: BigInt(axis), block_size: BigInt(geometry.blockSize) },
  };
}

function opsetFor(format: ResolvedFormat, half: boolean): number {
  if (format.bits === 2) return 25;
  if (format.bits === 4 || format.granularity === "block") return 21;
  if (half) return 19;
  return format.granularity === "channel" ? 13 : 10;
}

/** Rewrites one weight, whatever uses it. */
export function rewriteDequantize(context: RewriteContext, weight: Weight, format: ResolvedFormat): Rewrite {
  const encoding = dequantizeLinearEncoding(format);
  const grouping = groupingOf(weight, format);
  const packed = pack(context, {
    weight,
    geometry: grouping.geometry,
    layout: "natural",
    encoding,
    search: format.search,
    withZeroPoints: encoding.scheme === "asymmetric",
    ...(grouping.geometry.kind === "blocked" && !context.fullScales ? { scaleType: "f16" } : {}),
  });
  const { codes, scales, zeroPoints } = packed.parts;
  const codeType = codeTypes[`${encoding.signed ? "i" : "u"}${encoding.bits}`] ?? OnnxType.INT8;
  const initializers: OnnxTensor[] = [pendingTensor(codes.tensor, codeType, grouping.dims, codes)];
  const inputs = [codes.tensor];
  const nodes: OnnxNode[] = [];
  if (scales) {
    initializers.push(pendingTensor(scales.tensor, scaleOnnxType(packed.scaleType), grouping.scaleDims, scales));
    if (packed.scaleType === context.scaleType) inputs.push(scales.tensor);
    else {
      const widened = context.names.fresh(`${weight.holder.name}_scale_f32`);
      nodes.push(node("Cast", "", [scales.tensor], [widened], { to: BigInt(OnnxType.FLOAT) }));
      inputs.push(widened);
    }
  }
  if (zeroPoints) {
    initializers.push(pendingTensor(zeroPoints.tensor, codeType, grouping.scaleDims, zeroPoints));
    inputs.push(zeroPoints.tensor);
  } else if (!encoding.signed) {
    const zero = context.names.fresh(`${weight.holder.name}_zero_point`);
    const middle = 2 ** (encoding.bits - 1);
    initializers.push(constantZeroPoints(zero, codeType, grouping.scaleDims, encoding.bits, middle));
    inputs.push(zero);
  }
  const { name, path, held } = weight.holder;
  const reshaped = grouping.dims !== weight.dims;
  const dequantize = (output: string): OnnxNode =>
    node("DequantizeLinear", context.names.fresh(`${name}_dequantize`), inputs, [output], grouping.attributes);
  const restored = toSeenType(context, { weight }, name, (output) => {
    if (!reshaped) return [dequantize(output)];
    const shape = int64Tensor(context.names.fresh(`${name}_shape`), weight.dims);
    initializers.push(shape);
    const flat = context.names.fresh(`${name}_flat`);
    return [dequantize(flat), node("Reshape", "", [flat, shape.name], [output])];
  });
  nodes.push(...restored);
  const edits: GraphEdit[] = [
    { kind: "dropConstant", holder: weight.holder },
    { kind: "addInitializers", path, tensors: initializers },
    { kind: "insertNodes", path, before: held.as === "initializer" ? 0 : held.node, nodes },
  ];
  return {
    packed: [packed],
    edits,
    requires: { opset: opsetFor(format, context.scaleType === "f16") },
    op: "DequantizeLinear",
  };
}
