// Ranks of values, where they follow from what the file says and from the operators. Ranks only, never sizes: an
// unknown rank is undefined, and callers then do without.
import { getInts } from "../formats/onnx/attributes.ts";
import { OnnxType, type OnnxNode } from "../formats/onnx/ir.ts";
import { lookUpConstant, pathKey, type GraphPath, type Scope } from "./scopes.ts";

/** Operators whose first output has the rank of their first input. */
const keeping = new Set(
  (
    "Abs AveragePool BatchNormalization Cast Ceil Celu Clip Concat Conv ConvTranspose CumSum DepthToSpace " +
    "DequantizeLinear Dropout Elu Erf Exp FastGelu Floor FusedConv Gelu GlobalAveragePool GlobalMaxPool " +
    "GroupNormalization HardSigmoid HardSwish Hardmax Identity InstanceNormalization LRN LayerNormalization LeakyRelu " +
    "Log LogSoftmax LpNormalization MaxPool Mish Mod Neg Not PRelu Pad QuantizeLinear QuickGelu RMSNormalization " +
    "Reciprocal Relu Resize Round ScatterElements ScatterND Selu Sigmoid Sign SimplifiedLayerNormalization " +
    "SkipLayerNormalization SkipSimplifiedLayerNormalization Slice Softmax Softplus Softsign SpaceToDepth Sqrt " +
    "Swish Tanh Tile TopK Transpose Trilu Upsample"
  ).split(" "),
);

/** Operators that broadcast all their inputs. */
const broadcasting = new Set(
  "Add And Div Equal Greater GreaterOrEqual Less LessOrEqual Max Mean Min Mul Or Pow Sub Sum Where Xor".split(" "),
);

export type RankOf = (path: GraphPath, name: string) => number | undefined;

/** Infers ranks over all scopes; give them outer before inner, as `collectScopes` does. */
export function inferRanks(scopes: readonly Scope[]): RankOf {
  const known = new Map<string, Map<string, number>>();
  const byPath = new Map(scopes.map((scope) => [pathKey(scope.path), scope]));
  const rankIn = (scope: Scope | undefined, name: string): number | undefined => {
    for (let at = scope; at; at = at.parent) {
      if (at.defined.has(name)) return known.get(pathKey(at.path))?.get(name);
    }
    return undefined;
  };
  for (const scope of scopes) {
    const ranks = new Map<string, number>();
    known.set(pathKey(scope.path), ranks);
    const { inputs, outputs, valueInfo, nodes } = scope.graph;
    for (const { name, tensor } of [...inputs, ...outputs, ...valueInfo]) {
      if (tensor?.dims) ranks.set(name, tensor.dims.length);
    }
    for (const { name, tensor } of scope.constants.values()) ranks.set(name, tensor.dims.length);
    for (const node of nodes) {
      const found = outputRanks(node, (index) => rankIn(scope, node.inputs[index] ?? ""), scope);
      for (const [index, name] of node.outputs.entries()) {
        const rank = found[index];
        if (rank !== undefined && name !== "" && !ranks.has(name)) ranks.set(name, rank);
      }
    }
  }
  return (path, name) => rankIn(byPath.get(pathKey(path)), name);
}

type Ranks = readonly (number | undefined)[];

function outputRanks(node: OnnxNode, rank: (index: number) => number | undefined, scope: Scope): Ranks {
  const { opType } = node;
  const all = (value: number | undefined): Ranks => node.outputs.map(() => value);
  if (opType === "Split") return all(rank(0));
  if (keeping.has(opType)) return [rank(0)];
  if (broadcasting.has(opType)) return all(largest(node.inputs.map((_, index) => rank(index))));
  if (opType === "Gemm" || opType === "Flatten") return all(2);
  if (opType === "LSTM" || opType === "GRU" || opType === "RNN") return [4, 3, 3];
  if (opType === "MatMul" || opType === "FusedMatMul") return all(productRank(rank(0), rank(1)));
  if (opType === "Gather") return all(sum(rank(0), rank(1), -1));
  if (opType === "Reshape") return all(lengthOf(node, 1, scope));
  if (opType === "Unsqueeze") return all(sum(rank(0), axesOf(node, scope)));
  if (opType === "Squeeze") {
    const axes = axesOf(node, scope);
    return all(sum(rank(0), axes === undefined ? undefined : -axes));
  }
  if (opType.startsWith("Reduce")) {
    const keeps = node.attributes.find((a) => a.name === "keepdims")?.value;
    return keeps?.type === "int" && keeps.value === 0n ? all(undefined) : all(rank(0));
  }
  return all(undefined);
}

const sum = (...parts: readonly (number | undefined)[]): number | undefined =>
  parts.reduce((total, part) => (total === undefined || part === undefined ? undefined : total + part), 0);

const largest = (ranks: Ranks): number | undefined =>
  ranks.reduce((most, rank) => (most === undefined || rank === undefined ? undefined : Math.max(most, rank)), 0);

/** A vector on one side loses its axis. */
function productRank(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return undefined;
  if (a === 1 || b === 1) return Math.max(a, b) - 1;
  return Math.max(a, b);
}

const axesOf = (node: OnnxNode, scope: Scope): number | undefined =>
  getInts(node, "axes")?.length ?? (node.inputs[1] ? lengthOf(node, 1, scope) : undefined);

/** Elements of a constant vector at an input. */
function lengthOf(node: OnnxNode, index: number, scope: Scope): number | undefined {
  const tensor = lookUpConstant(scope, node.inputs[index] ?? "")?.tensor;
  return tensor?.dataType === OnnxType.INT64 && tensor.dims.length === 1 ? tensor.dims[0] : undefined;
}
