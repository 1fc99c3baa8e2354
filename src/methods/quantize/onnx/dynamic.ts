// Dynamic int8: activations are quantized at run time (DynamicQuantizeLinear), weights beforehand.
// MatMul and Gemm to MatMulInteger, Conv to ConvInteger, LSTM to DynamicQuantizeLSTM (com.microsoft).
// All weights are stored as uint8. Signed ones would be multiplied by instructions that saturate on x86 without
// VNNI, where onnxruntime's sums go wrong by 10 to 80 %; and ConvInteger takes unsigned ones only. So symmetric
// codes lie around 128. ConvInteger and DynamicQuantizeLSTM ask for one zero point over all channels.
import { OnnxType, type OnnxAttribute, type OnnxNode, type OnnxTensor } from "../../../formats/onnx/ir.ts";
import { elementCount } from "../../../base/dtypes.ts";
import type { Weight } from "../../../model/weights.ts";
import type { AffineEncoding } from "../encoding.ts";
import type { ResolvedFormat } from "../formats.ts";
import type { PackedWeight } from "../packed.ts";
import type { GraphEdit } from "./edits.ts";
import { matrixOf, replaceUses } from "./matmul.ts";
import {
  constantZeroPoints,
  int64Tensor,
  node,
  pack,
  pendingTensor,
  type Rewrite,
  type RewriteContext,
} from "./rewrite.ts";

const middle = 128;

const encodingFor = (symmetric: boolean): AffineEncoding => ({
  kind: "affine",
  bits: 8,
  signed: false,
  scheme: symmetric ? "symmetric" : "asymmetric",
  rounding: "half-even",
});

export const fitsMatMulInteger = (weight: Weight): boolean =>
  weight.dataType === OnnxType.FLOAT && matrixOf(weight) !== undefined;

/** Rewrites a weight of MatMul or Gemm to MatMulInteger with a scale per output column. */
export function rewriteMatMulInteger(context: RewriteContext, weight: Weight, format: ResolvedFormat): Rewrite {
  const { k, n, transposed } = matrixOf(weight) ?? { k: 0, n: 0, transposed: false };
  const packed = pack(context, {
    weight,
    geometry: { kind: "wide", outer: k, channels: n, inner: 1 },
    layout: "natural",
    encoding: encodingFor(format.symmetric),
    search: format.search,
    scaleType: "f32",
    withZeroPoints: !format.symmetric,
    ...(transposed ? { transpose: { rows: n, cols: k } } : {}),
  });
  const { codes, scales, zeroPoints } = packed.parts;
  const zero = zeroPoints
    ? pendingTensor(zeroPoints.tensor, OnnxType.UINT8, [n], zeroPoints)
    : middleZeroPoint(context, weight, []);
  const initializers: OnnxTensor[] = [pendingTensor(codes.tensor, OnnxType.UINT8, [k, n], codes), zero];
  if (scales) initializers.push(pendingTensor(scales.tensor, OnnxType.FLOAT, [n], scales));
  const edits = replaceUses(context, weight, initializers, (input, output, name) => {
    const quantized = quantizeInput(context, input, name);
    return [
      quantized.node,
      ...scaledProduct(context, name, output, quantized.scale, scales?.tensor ?? "", (sum) =>
        node("MatMulInteger", name, [quantized.codes, codes.tensor, quantized.zeroPoint, zero.name], [sum]),
      ),
    ];
  });
  return { packed: [packed], edits, requires: { opset: 11 }, op: "MatMulInteger" };
}

const middleZeroPoint = (context: RewriteContext, weight: Weight, dims: readonly number[]): OnnxTensor =>
  constantZeroPoints(context.names.fresh(`${weight.holder.name}_zero_point`), OnnxType.UINT8, dims, 8, middle);

function quantizeInput(context: RewriteContext, input: string, base: string) {
  const names = ["codes", "scale", "zero_point"].map((part) => context.names.fresh(`${base}_input_${part}`));
  const [codes = "", scale = "", zeroPoint = ""] = names;
  return {
    codes,
    scale,
    zeroPoint,
    node: node("DynamicQuantizeLinear", context.names.fresh(`${base}_quantize`), [input], names),
  };
}

/** int32 sums to floats: Cast, then Mul by the product of both scales. */
function scaledProduct(
  context: RewriteContext,
  base: string,
  output: string,
  inputScale: string,
  weightScale: string,
  product: (sum: string) => OnnxNode,
): OnnxNode[] {
  const [sum, float, scale] = ["sum", "float", "scale"].map((part) => context.names.fresh(`${base}_${part}`));
  return [
    product(sum ?? ""),
    node("Cast", context.names.fresh(`${base}_cast`), [sum ?? ""], [float ?? ""], { to: BigInt(OnnxType.FLOAT) }),
    node("Mul", context.names.fresh(`${base}_scales`), [inputScale, weightScale], [scale ?? ""]),
    node("Mul", context.names.fresh(`${base}_rescale`), [float ?? "", scale ?? ""], [output]),
  ];
}

export const fitsConvInteger = (weight: Weight): boolean =>
  weight.dataType === OnnxType.FLOAT &&
  !weight.sharedOtherwise &&
  weight.uses.every(({ node: n, inputIndex }) => n.opType === "Conv" && n.domain === "" && inputIndex === 1);

/** Rewrites a convolution's weight to ConvInteger with a scale per output channel; the bias becomes an Add. */
export function rewriteConvInteger(context: RewriteContext, weight: Weight, format: ResolvedFormat): Rewrite {
  const { dims } = weight;
  const channels = dims[0] ?? 1;
  const packed = pack(context, {
    weight,
    geometry: { kind: "wide", outer: 1, channels, inner: elementCount(dims.slice(1)) },
    layout: "natural",
    encoding: encodingFor(true),
    search: format.search,
    scaleType: "f32",
    withZeroPoints: false,
  });
  const perChannel = [1, channels, ...dims.slice(2).map(() => 1)];
  const { codes, scales } = packed.parts;
  const zero = middleZeroPoint(context, weight, []);
  const shape = int64Tensor(context.names.fresh(`${weight.holder.name}_bias_shape`), perChannel);
  const tensors = [pendingTensor(codes.tensor, OnnxType.UINT8, dims, codes), zero];
  if (scales) tensors.push(pendingTensor(scales.tensor, OnnxType.FLOAT, perChannel, scales));
  const withBias = weight.uses.some(({ node: n }) => n.inputs[2]);
  if (withBias) tensors.push(shape);
  const edits: GraphEdit[] = [
    { kind: "dropConstant", holder: weight.holder },
    { kind: "addInitializers", path: weight.holder.path, tensors },
  ];
  for (const { path, nodeIndex, node: old } of weight.uses) {
    const output = old.outputs[0] ?? "";
    const base = old.name || output;
    const bias = old.inputs[2] ?? "";
    const quantized = quantizeInput(context, old.inputs[0] ?? "", base);
    const product = bias ? context.names.fresh(`${base}_product`) : output;
    const nodes = [
      quantized.node,
      ...scaledProduct(context, base, product, quantized.scale, scales?.tensor ?? "", (sum) => ({
        ...node(
          "ConvInteger",
          context.names.fresh(`${base}_integer`),
          [quantized.codes, codes.tensor, quantized.zeroPoint, zero.name],
          [sum],
        ),
        attributes: old.attributes,
      })),
    ];
    if (bias) {
      const shaped = context.names.fresh(`${base}_bias`);
      nodes.push(node("Reshape", context.names.fresh(`${base}_bias_reshape`), [bias, shape.name], [shaped]));
      nodes.push(node("Add", context.names.fresh(`${base}_add`), [product, shaped], [output]));
    }
    edits.push({ kind: "replaceNode", path, node: nodeIndex, nodes });
  }
  return { packed: [packed], edits, requires: { opset: 11 }, op: "ConvInteger" };
}

const lstmAttributes = new Set([
  "activations",
  "activation_alpha",
  "activation_beta",
  "clip",
  "direction",
  "hidden_size",
  "input_forget",
]);

/** True for W and R of one LSTM in the default layout, used by nothing else. */
export function fitsDynamicLstm(w: Weight, r: Weight): boolean {
  const [use] = w.uses;
  const [other] = r.uses;
  return (
    w.dataType === OnnxType.FLOAT &&
    r.dataType === OnnxType.FLOAT &&
    w.uses.length === 1 &&
    r.uses.length === 1 &&
    !w.sharedOtherwise &&
    !r.sharedOtherwise &&
    use !== undefined &&
    use.node === other?.node &&
    use.inputIndex === 1 &&
    other.inputIndex === 2 &&
    use.node.opType === "LSTM" &&
    use.node.domain === "" &&
    use.node.attributes.every((attribute: OnnxAttribute) => lstmAttributes.has(attribute.name))
  );
}

/** Rewrites an LSTM to DynamicQuantizeLSTM; its weights are [directions, input, 4 * hidden], one scale a column. */
export function rewriteDynamicLstm(context: RewriteContext, w: Weight, r: Weight, format: ResolvedFormat): Rewrite {
  const [use] = w.uses;
  const old = use?.node;
  if (!use || !old) return { packed: [], edits: [], requires: {}, op: "LSTM" };
  const packed: PackedWeight[] = [];
  const edits: GraphEdit[] = [];
  const before: OnnxNode[] = [];
  const inputsOf = (weight: Weight): { codes: string; scales: string; zeroPoints: string } => {
    const [directions = 1, gates = 1, width = 1] = weight.dims;
    const each = Array.from({ length: directions }, (_, direction) =>
      pack(context, {
        weight,
        geometry: { kind: "wide", outer: width, channels: gates, inner: 1 },
        layout: "natural",
        encoding: encodingFor(true),
        search: format.search,
        scaleType: "f32",
        withZeroPoints: false,
        transpose: { rows: gates, cols: width },
        sourceElement: direction * gates * width,
        ...(directions > 1 ? { baseName: `${weight.holder.name}_${direction}` } : {}),
      }),
    );
    packed.push(...each);
    const zero = middleZeroPoint(context, weight, [directions, gates]);
    const tensors = each.flatMap(({ parts: { codes, scales } }) => [
      pendingTensor(codes.tensor, OnnxType.UINT8, [1, width, gates], codes),
      ...(scales ? [pendingTensor(scales.tensor, OnnxType.FLOAT, [1, gates], scales)] : []),
    ]);
    edits.push(
      { kind: "dropConstant", holder: weight.holder },
      { kind: "addInitializers", path: weight.holder.path, tensors: [...tensors, zero] },
    );
    const joined = (part: "codes" | "scales"): string => {
      const names = each.map(({ parts }) => parts[part]?.tensor ?? "");
      if (names.length === 1) return names[0] ?? "";
      const name = context.names.fresh(`${weight.holder.name}_${part}`);
      before.push(node("Concat", context.names.fresh(`${name}_concat`), names, [name], { axis: 0n }));
      return name;
    };
    return { codes: joined("codes"), scales: joined("scales"), zeroPoints: zero.name };
  };
  const [wIn, rIn] = [inputsOf(w), inputsOf(r)];
  const optional = (index: number) => old.inputs[index] ?? "";
  const inputs = [
    optional(0),
    wIn.codes,
    rIn.codes,
    optional(3),
    optional(4),
    optional(5),
    optional(6),
    optional(7),
    wIn.scales,
    wIn.zeroPoints,
    rIn.scales,
    rIn.zeroPoints,
  ];
  const lstm: OnnxNode = {
    ...node(
      "DynamicQuantizeLSTM",
      context.names.fresh(`${old.name || "lstm"}_quantized`),
      inputs,
      old.outputs,
      {},
      "com.microsoft",
    ),
    attributes: old.attributes,
  };
  edits.push({ kind: "replaceNode", path: use.path, node: use.nodeIndex, nodes: [...before, lstm] });
  return { packed, edits, requires: { domains: ["com.microsoft"] }, op: "DynamicQuantizeLSTM" };
}
