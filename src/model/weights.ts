// Finds the weights of a model: float constants that an operator multiplies with, and what role each
// plays. No special case by model name; roles follow from operator types and input positions.
import { elementCount } from "../base/dtypes.ts";
import { OnnxType, type OnnxModel, type OnnxNode } from "../formats/onnx/ir.ts";
import { inferRanks } from "./ranks.ts";
import {
  collectScopes,
  collectUses,
  lookUpConstant,
  pathKey,
  seenType,
  storedHolder,
  type ConstantHolder,
  type Scope,
  type Use,
} from "./scopes.ts";

export type WeightRole = "conv" | "convTranspose" | "matmul" | "gemm" | "embedding" | "recurrent" | "other";

export interface Weight {
  /** Unique in the model: the tensor's name, with its graph's path where several graphs use the name. */
  readonly id: string;
  readonly holder: ConstantHolder;
  readonly role: WeightRole;
  readonly dims: readonly number[];
  readonly elements: number;
  /** Uses as an operator's weight; when `sharedOtherwise`, there are further uses, or a graph hands it out. */
  readonly uses: readonly Use[];
  /** Rank of the other operand of each use, where it is known. */
  readonly operandRanks: readonly (number | undefined)[];
  readonly sharedOtherwise: boolean;
  /** The left operand of a product whose right one is a float constant too, be they moved before. */
  readonly timesConstant: boolean;
  /** Element type that operators see. */
  readonly dataType: number;
  /** Element type in the file; another one where a Cast stands between. */
  readonly storedType: number;
  /** From IR version 4 on, an initializer that is also a graph input: a default that callers may replace. */
  readonly overridable: boolean;
}

type WeightInputs = Readonly<Record<string, { role: WeightRole; inputs: readonly number[] }>>;

/** By domain: a model may define operators of its own under any name. */
const weightInputs: Readonly<Record<string, WeightInputs>> = {
  "": {
    Conv: { role: "conv", inputs: [1] },
    ConvTranspose: { role: "convTranspose", inputs: [1] },
    MatMul: { role: "matmul", inputs: [0, 1] },
    Gemm: { role: "gemm", inputs: [0, 1] },
    Gather: { role: "embedding", inputs: [0] },
    LSTM: { role: "recurrent", inputs: [1, 2] },
    GRU: { role: "recurrent", inputs: [1, 2] },
    RNN: { role: "recurrent", inputs: [1, 2] },
    Einsum: { role: "other", inputs: [0, 1, 2, 3] },
  },
  "com.microsoft": {
    FusedConv: { role: "conv", inputs: [1] },
    FusedMatMul: { role: "matmul", inputs: [0, 1] },
    FusedGemm: { role: "gemm", inputs: [0, 1] },
    Attention: { role: "matmul", inputs: [1] },
  },
};

/** Operators that only move values: a constant behind them is still a weight of what reads them. */
const moving = new Set([
  "Transpose",
  "Reshape",
  "Slice",
  "Concat",
  "Unsqueeze",
  "Squeeze",
  "Identity",
  "Split",
  "Flatten",
  "Expand",
  "Tile",
  "Cast",
]);

/** How many moving operators are followed from a constant to the operator that multiplies with it. */
const mostMoves = 8;

/** The role of a node's input as a weight, or undefined when it is none (bias, shape, axis …). */
export function weightRole(node: OnnxNode, inputIndex: number): WeightRole | undefined {
  const table = Object.hasOwn(weightInputs, node.domain) ? weightInputs[node.domain] : undefined;
  const entry = table && Object.hasOwn(table, node.opType) ? table[node.opType] : undefined;
  return entry?.inputs.includes(inputIndex) ? entry.role : undefined;
}

const floatTypes: ReadonlySet<number> = new Set([OnnxType.FLOAT, OnnxType.FLOAT16, OnnxType.BFLOAT16, OnnxType.DOUBLE]);

export const isFloatType = (dataType: number): boolean => floatTypes.has(dataType);

/**
 * Every float constant of rank 2 or more that some operator takes as a weight, in file order. A constant that only a
 * Cast to f32 reads is the f32 weight of what reads the Cast.
 */
export function findWeights(model: OnnxModel): { weights: readonly Weight[]; scopes: readonly Scope[] } {
  const scopes = collectScopes(model);
  const names = new Map<string, number>();
  for (const scope of scopes) {
    for (const name of scope.constants.keys()) names.set(name, (names.get(name) ?? 0) + 1);
  }
  const inputs = new Set(model.graph.inputs.map((input) => input.name));
  const moved = movedWeights(scopes);
  const outputs = new Set(
    scopes.flatMap((scope) => scope.graph.outputs.map((output) => lookUpConstant(scope, output.name))),
  );
  const rankOf = inferRanks(scopes);
  const leftFactors = leftOfConstants(scopes);
  const operandRank = ({ path, node, inputIndex }: Use): number | undefined =>
    rankOf(path, node.inputs[inputIndex === 0 ? 1 : 0] ?? "");
  const weights: Weight[] = [];
  const allUses = collectUses(scopes);
  const behindCast = new Set(
    [...allUses.keys()]
      .flatMap(({ held }) => (held.as === "cast" ? [held.of] : []))
      .filter((stored) => allUses.get(stored)?.length === 1 && !outputs.has(stored)),
  );
  for (const [holder, uses] of allUses) {
    const { dims } = holder.tensor;
    const [dataType, stored] = [seenType(holder), storedHolder(holder)];
    if (!isFloatType(dataType) || dims.length < 2) continue;
    // Either the Cast's output is the weight, or what it casts, whose layout then stays as it is.
    if ((stored === holder) === behindCast.has(stored)) continue;
    const asWeight = uses.filter((use) => weightRole(use.node, use.inputIndex) !== undefined);
    const behindMoves = uses.filter((use) => isMove(use) && use.node.outputs.some((name) => moved.has(name)));
    const first = asWeight[0];
    // What is moved before it is used keeps its own layout: no operator can take it packed.
    const role = behindMoves.length > 0 ? "other" : first && weightRole(first.node, first.inputIndex);
    if (!role) continue;
    const taken = [...asWeight, ...behindMoves];
    weights.push({
      id: (names.get(stored.name) ?? 0) > 1 ? `${pathKey(stored.path)}:${stored.name}` : stored.name,
      holder,
      role,
      dims,
      elements: elementCount(dims),
      uses: taken,
      operandRanks: taken.map(operandRank),
      sharedOtherwise: taken.length < uses.length || outputs.has(holder),
      timesConstant: leftFactors.has(holder),
      dataType,
      storedType: holder.tensor.dataType,
      overridable:
        model.irVersion >= 4 && stored.held.as === "initializer" && stored.path.length === 0 && inputs.has(stored.name),
    });
  }
  return { weights, scopes };
}

/** Constants that stand left in a product of two float constants, each of which may be moved on its way there. */
function leftOfConstants(scopes: readonly Scope[]): ReadonlySet<ConstantHolder> {
  const found = new Set<ConstantHolder>();
  const movers = new Map(scopes.map((scope) => [scope, moversOf(scope.graph.nodes)]));
  for (const scope of scopes) {
    for (const node of scope.graph.nodes) {
      if (node.opType === "Gather" || weightRole(node, 0) === undefined || weightRole(node, 1) === undefined) continue;
      const [left, right] = [0, 1].map((index) => constantsBehind(movers, scope, node.inputs[index] ?? ""));
      if (left && right) for (const holder of left) found.add(holder);
    }
  }
  return found;
}

/** By output, the operators that only move values. */
type Movers = ReadonlyMap<string, OnnxNode>;

const moversOf = (nodes: readonly OnnxNode[]): Movers =>
  new Map(
    nodes
      .filter(({ domain, opType }) => domain === "" && moving.has(opType))
      .flatMap((node) => node.outputs.map((output) => [output, node] as const)),
  );

/** The float constants that a value is made of by moving alone; undefined where anything else is in it. */
function constantsBehind(
  movers: ReadonlyMap<Scope, Movers>,
  scope: Scope,
  name: string,
  moves = mostMoves,
): readonly ConstantHolder[] | undefined {
  const constant = lookUpConstant(scope, name);
  if (constant) return isFloatType(seenType(constant)) ? [constant, storedHolder(constant)] : undefined;
  if (moves === 0) return undefined;
  for (let at: Scope | undefined = scope; at; at = at.parent) {
    if (!at.defined.has(name)) continue;
    const node = movers.get(at)?.get(name);
    if (!node) return undefined;
    const within = at;
    const sources = node.opType === "Concat" ? node.inputs : node.inputs.slice(0, 1);
    const found = sources.map((source) => constantsBehind(movers, within, source, moves - 1));
    return found.some((each) => each === undefined) ? undefined : found.flatMap((each) => each ?? []);
  }
  return undefined;
}

const isMove = ({ node, inputIndex }: Use): boolean =>
  node.domain === "" && moving.has(node.opType) && (inputIndex === 0 || node.opType === "Concat");

/** Names of moved values that some operator takes as a weight, directly or through further moves. */
function movedWeights(scopes: readonly Scope[]): ReadonlySet<string> {
  const found = new Set<string>();
  const nodes = scopes.flatMap((scope) => scope.graph.nodes);
  for (const node of nodes) {
    for (const [index, name] of node.inputs.entries()) if (weightRole(node, index)) found.add(name);
  }
  for (let move = 0; move < mostMoves; move++) {
    const before = found.size;
    for (const node of nodes) {
      if (node.domain !== "" || !moving.has(node.opType) || !node.outputs.some((name) => found.has(name))) continue;
      for (const name of node.opType === "Concat" ? node.inputs : node.inputs.slice(0, 1)) found.add(name);
    }
    if (found.size === before) break;
  }
  return found;
}
