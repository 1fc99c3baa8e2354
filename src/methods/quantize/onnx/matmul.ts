// MatMul and Gemm with a constant right-hand matrix to the contributed operators on packed weights:
// MatMulNBits (2, 4, 8 bits) and MatMulBnb4 (NF4, FP4), both of domain com.microsoft, version 1.
// Gemm's alpha, beta, bias and transA become Mul, Add and Transpose around it.
import { encodeBfloat, encodeHalf } from "../../../base/half.ts";
import { getFloat, getInt } from "../../../formats/onnx/attributes.ts";
import { OnnxType, type OnnxNode, type OnnxTensor } from "../../../formats/onnx/ir.ts";
import { pathKey } from "../../../model/scopes.ts";
import type { Weight } from "../../../model/weights.ts";
import { blocksPerRow, type BlockedGeometry } from "../../../kernels/quantize/geometry.ts";
import { blockOperatorEncoding, tableEncoding, type ResolvedFormat } from "../formats.ts";
import type { PackedWeight } from "../packed.ts";
import type { GraphEdit } from "./edits.ts";
import {
  computedType,
  int64Tensor,
  node,
  pack,
  pendingTensor,
  scaleOnnxType,
  toSeenType,
  type Requirement,
  type Rewrite,
  type RewriteContext,
} from "./rewrite.ts";

const contrib = "com.microsoft";

/**
 * The matrix [K, N] or, transposed, [N, K] that all uses share; undefined where the operators do not fit.
 * Leading dims of 1 are no obstacle where the other operand's rank is known: see `raisedShape`.
 */
export function matrixOf(weight: Weight): { k: number; n: number; transposed: boolean } | undefined {
  const [rows, cols] = weight.dims.slice(-2);
  const leading = weight.dims.slice(0, -2);
  if (weight.sharedOtherwise || rows === undefined || cols === undefined) return undefined;
  if (leading.some((dim) => dim !== 1)) return undefined;
  const transposed = new Set<boolean>();
  for (const [index, { node: n, inputIndex }] of weight.uses.entries()) {
    if (inputIndex !== 1 || n.domain !== "") return undefined;
    if (leading.length > 0 && (n.opType !== "MatMul" || !ranksFit(weight, index))) return undefined;
    if (n.opType === "MatMul") transposed.add(false);
    else if (n.opType === "Gemm") transposed.add(getInt(n, "transB", 0) !== 0);
    else return undefined;
  }
  const [flag] = transposed;
  if (flag === undefined || transposed.size > 1) return undefined;
  return flag ? { k: cols, n: rows, transposed: true } : { k: rows, n: cols, transposed: false };
}

/** A product by a matrix has the left operand's rank; one by [1, K, N] has at least the weight's. */
function ranksFit(weight: Weight, use: number): boolean {
  const rank = weight.operandRanks[use];
  return rank !== undefined && (rank >= weight.dims.length || rank <= 2);
}

/** The shape that gives a product the leading ones of the weight; undefined where it has that rank anyway. */
function raisedShape(weight: Weight, use: number): readonly number[] | undefined {
  const rank = weight.operandRanks[use];
  if (weight.dims.length === 2 || rank === undefined || rank >= weight.dims.length) return undefined;
  const ones = weight.dims.slice(0, -2);
  return [...ones, ...(rank === 2 ? [-1] : []), weight.dims.at(-1) ?? 1];
}

/** True where MatMulNBits can take the weight. */
export const fitsMatMulNBits = (weight: Weight): boolean => {
  const matrix = matrixOf(weight);
  return matrix !== undefined && matrix.k >= 16;
};

/** Rewrites a weight to MatMulNBits; check `fitsMatMulNBits` first. */
export function rewriteMatMulNBits(context: RewriteContext, weight: Weight, format: ResolvedFormat): Rewrite {
  const { k, n, transposed } = matrixOf(weight) ?? { k: 0, n: 0, transposed: false };
  const encoding = blockOperatorEncoding(format);
  const blockSize = format.blockSize;
  const geometry: BlockedGeometry = transposed
    ? { kind: "blocked", outer: n, dim: k, inner: 1, blockSize }
    : { kind: "blocked", outer: 1, dim: k, inner: n, blockSize };
  const packed = pack(context, {
    weight,
    geometry,
    layout: "rows",
    encoding,
    search: format.search,
    withZeroPoints: !format.symmetric,
  });
  const blocks = blocksPerRow(geometry);
  const { codes, scales, zeroPoints } = packed.parts;
  const initializers: OnnxTensor[] = [
    pendingTensor(codes.tensor, OnnxType.UINT8, [n, blocks, (blockSize * encoding.bits) / 8], codes),
  ];
  if (scales) initializers.push(pendingTensor(scales.tensor, scaleOnnxType(packed.scaleType), [n * blocks], scales));
  if (zeroPoints) initializers.push(pendingTensor(zeroPoints.tensor, OnnxType.UINT8, [zeroPoints.bytes], zeroPoints));
  const attributes = { K: BigInt(k), N: BigInt(n), bits: BigInt(encoding.bits), block_size: BigInt(blockSize) };
  const edits = replaceUses(context, weight, initializers, (input, output, name) =>
    toSeenType(context, { weight }, output, (made) => {
      const [left, nodes] = operandAs(context, computedType(weight), weight, input, name);
      const inputs = [left, ...initializers.map((t) => t.name)];
      return [...nodes, node("MatMulNBits", name, inputs, [made], attributes, contrib)];
    }),
  );
  return { packed: [packed], edits, requires: requirementOf(weight), op: "MatMulNBits" };
}

/** The operand in the type that the operator on the packed weight computes in. */
function operandAs(
  context: RewriteContext,
  computed: number,
  { dataType }: Weight,
  input: string,
  base: string,
): [string, OnnxNode[]] {
  if (dataType === computed) return [input, []];
  const cast = context.names.fresh(`${base}_input`);
  return [cast, [node("Cast", context.names.fresh(`${cast}_cast`), [input], [cast], { to: BigInt(computed) })]];
}

/** Rewrites a weight to MatMulBnb4: codes over the flattened N x K matrix, blocks ignore row ends. */
export function rewriteMatMulBnb4(context: RewriteContext, weight: Weight, format: ResolvedFormat): Rewrite {
  const { k, n, transposed } = matrixOf(weight) ?? { k: 0, n: 0, transposed: false };
  const name = format.name === "fp4" ? "fp4" : "nf4";
  const packed: PackedWeight = pack(context, {
    weight,
    geometry: { kind: "blocked", outer: 1, dim: n * k, inner: 1, blockSize: format.blockSize },
    layout: "natural",
    encoding: tableEncoding(name),
    search: format.search,
    withZeroPoints: false,
    ...(transposed ? {} : { transpose: { rows: k, cols: n } }),
  });
  const { codes, scales } = packed.parts;
  const initializers: OnnxTensor[] = [pendingTensor(codes.tensor, OnnxType.UINT8, [codes.bytes], codes)];
  if (scales) initializers.push(pendingTensor(scales.tensor, OnnxType.FLOAT, [scales.bytes / 4], scales));
  const attributes = {
    K: BigInt(k),
    N: BigInt(n),
    block_size: BigInt(format.blockSize),
    quant_type: name === "nf4" ? 1n : 0n,
  };
  // Its f32 form is the one that onnxruntime's CPU and WebAssembly builds have.
  const computed = OnnxType.FLOAT;
  const edits = replaceUses(context, weight, initializers, (input, output, nodeName) =>
    toSeenType(context, { weight, computed }, output, (made) => {
      const [left, nodes] = operandAs(context, computed, weight, input, nodeName);
      const inputs = [left, ...initializers.map((t) => t.name)];
      return [...nodes, node("MatMulBnb4", nodeName, inputs, [made], attributes, contrib)];
    }),
  );
  return { packed: [packed], edits, requires: requirementOf(weight), op: "MatMulBnb4" };
}

/** Mul and Add, which stand for Gemm's alpha, beta and bias, broadcast from version 7 on. */
const requirementOf = ({ uses }: Weight): Requirement => ({
  domains: [contrib],
  ...(uses.some(({ node: n }) => n.opType === "Gemm") ? { opset: 7 } : {}),
});

/** Makes the nodes of Y = X * W on the packed weight, for a use's input, output and base name. */
export type ProductMaker = (input: string, output: string, name: string) => readonly OnnxNode[];

/** Puts the packed product in the place of every MatMul or Gemm that used the weight. */
export function replaceUses(
  context: RewriteContext,
  weight: Weight,
  initializers: readonly OnnxTensor[],
  product: ProductMaker,
): GraphEdit[] {
  const edits: GraphEdit[] = [
    { kind: "dropConstant", holder: weight.holder },
    { kind: "addInitializers", path: weight.holder.path, tensors: initializers },
  ];
  const seen = new Set<string>();
  for (const [index, use] of weight.uses.entries()) {
    const key = `${pathKey(use.path)}#${use.nodeIndex}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const added: OnnxTensor[] = [];
    const nodes = productNodes(context, weight, index, product, added);
    if (added.length > 0) edits.push({ kind: "addInitializers", path: use.path, tensors: added });
    edits.push({ kind: "replaceNode", path: use.path, node: use.nodeIndex, nodes });
  }
  return edits;
}

function productNodes(
  context: RewriteContext,
  weight: Weight,
  use: number,
  product: ProductMaker,
  constants: OnnxTensor[],
): OnnxNode[] {
  const old = weight.uses[use]?.node;
  if (!old) return [];
  const [input = "", , bias = ""] = old.inputs;
  const output = old.outputs[0] ?? "";
  const base = old.name || output;
  const shape = raisedShape(weight, use);
  if (shape) {
    const target = int64Tensor(context.names.fresh(`${base}_shape`), shape);
    constants.push(target);
    const flat = context.names.fresh(`${base}_flat`);
    return [
      ...product(input, flat, context.names.fresh(`${base}_packed`)),
      node("Reshape", context.names.fresh(`${base}_reshape`), [flat, target.name], [output]),
    ];
  }
  if (old.opType !== "Gemm") return [...product(input, output, context.names.fresh(`${base}_packed`))];
  const nodes: OnnxNode[] = [];
  const alpha = getFloat(old, "alpha", 1);
  const beta = getFloat(old, "beta", 1);
  const withBias = bias !== "" && beta !== 0;
  const step = (opType: string, inputs: string[], last: boolean, attributes = {}): string => {
    const name = context.names.fresh(`${base}_${opType.toLowerCase()}`);
    const result = last ? output : context.names.fresh(`${name}_out`);
    nodes.push(node(opType, name, inputs, [result], attributes));
    return result;
  };
  const encodeScalar = (value: number): Uint8Array => {
    if (weight.dataType === OnnxType.FLOAT) return new Uint8Array(Float32Array.of(value).buffer);
    const encode = weight.dataType === OnnxType.FLOAT16 ? encodeHalf : encodeBfloat;
    return new Uint8Array(Uint16Array.of(encode(value)).buffer);
  };
  const scalar = (suffix: string, value: number): string => {
    const name = context.names.fresh(`${base}_${suffix}`);
    constants.push({ name, dataType: weight.dataType, dims: [], data: { kind: "bytes", bytes: encodeScalar(value) } });
    return name;
  };
  const left = getInt(old, "transA", 0) === 0 ? input : step("Transpose", [input], false, { perm: [1n, 0n] });
  const plain = alpha === 1 && !withBias;
  let result = plain ? output : context.names.fresh(`${base}_product`);
  nodes.push(...product(left, result, context.names.fresh(`${base}_packed`)));
  if (alpha !== 1) result = step("Mul", [result, scalar("alpha", alpha)], !withBias);
  if (withBias) {
    const term = beta === 1 ? bias : step("Mul", [bias, scalar("beta", beta)], false);
    step("Add", [result, term], true);
  }
  return nodes;
}
