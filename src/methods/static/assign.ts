// Which nodes compute in integers, with which parameters on which tensors, and why the others stay float.
//
// Products carry the work, so they come first. Everything else is integer only inside of an island: where all that it
// reads are codes already and some integer node reads what it makes. Elsewhere a pair of conversions would cost
// precision and time. A ReLU or Clip that the ends of its codes do anyway goes into its producer.
import type { OnnxNode } from "../../formats/onnx/ir.ts";
import type { Skipped } from "../quantize/onnx/choose.ts";
import { clampOperators, floatReasons, staticOperatorOf, type StaticOperator } from "./operators.ts";
import { clampRange, unfitReason } from "./fit.ts";
import { graphFacts, type GraphFacts } from "./graph-facts.ts";
import { parametersFor, representable, type Ranges, type TensorParameters, type TensorRange } from "./parameters.ts";
import type { PreparedStatic } from "./prepare.ts";

export interface AssignedNode {
  readonly node: OnnxNode;
  readonly operator: StaticOperator;
  /** The value that it makes: that of a clamp which went into it, where one did. */
  readonly output: string;
  /** False where only floats read a product. */
  readonly codesOut: boolean;
}

export interface Assignment {
  readonly facts: GraphFacts;
  /** By index in the main graph. */
  readonly nodes: ReadonlyMap<number, AssignedNode>;
  /** Clamps that went into their producers, by index. */
  readonly dropped: ReadonlySet<number>;
  /** Of every tensor that is codes somewhere. */
  readonly parameters: ReadonlyMap<string, TensorParameters>;
  readonly floats: readonly Skipped[];
}

export interface AssignOptions {
  /** Says why a node is to stay float, or nothing. */
  readonly skip?: (node: OnnxNode) => string | undefined;
  /** Tensors that rounding to codes would leave with less than this stay float; default 10 dB. */
  readonly minSqnrDb?: number;
}

interface Candidate {
  readonly node: OnnxNode;
  readonly operator: StaticOperator;
  readonly output: string;
  readonly clamp?: number;
}

export const defaultMinSqnrDb = 10;

/** Concat shares one scale among its inputs where none of them loses more than two bits by it. */
const sharedSpan = 4;

export function assignStatic(prepared: PreparedStatic, ranges: Ranges, options: AssignOptions = {}): Assignment {
  const facts = graphFacts(prepared.model);
  const floats: Skipped[] = [];
  const candidates = new Map<number, Candidate>();
  const { nodes } = prepared.model.graph;
  const leave = (node: OnnxNode, reason: string): void => {
    floats.push({ name: node.name || (node.outputs[0] ?? node.opType), reason });
  };
  const limit = options.minSqnrDb ?? defaultMinSqnrDb;
  for (const [index, node] of nodes.entries()) {
    const operator = staticOperatorOf(node.domain, node.opType);
    const known = Object.hasOwn(floatReasons, node.opType) ? floatReasons[node.opType] : undefined;
    if (!operator) {
      if (known) leave(node, known);
      continue;
    }
    const clamp = foldedClamp(prepared, ranges, facts, node);
    const output = clamp === undefined ? (node.outputs[0] ?? "") : (nodes[clamp]?.outputs[0] ?? "");
    const reason = options.skip?.(node) ?? unfitReason(prepared, ranges, { node, operator, output, limit });
    if (reason !== undefined) leave(node, reason);
    else candidates.set(index, { node, operator, output, ...(clamp === undefined ? {} : { clamp }) });
  }
  keepIslands(candidates, prepared, facts, leave);
  return settle(candidates, prepared, ranges, facts, floats);
}

/** The Relu or Clip behind a node that the codes' own ends would do. */
function foldedClamp(prepared: PreparedStatic, ranges: Ranges, facts: GraphFacts, node: OnnxNode): number | undefined {
  const [made = ""] = node.outputs;
  const [reader, more] = facts.consumers.get(made) ?? [];
  if (reader === undefined || more !== undefined || facts.bound.has(made)) return undefined;
  const clamp = prepared.model.graph.nodes[reader];
  if (!clamp || clamp.domain !== "" || !clampOperators.has(clamp.opType)) return undefined;
  const output = clamp.outputs[0] ?? "";
  const range = ranges.get(output);
  const ends = clampRange(clamp, prepared.constants);
  if (!range || !ends) return undefined;
  const { activation, symmetricActivations } = prepared.options;
  const parameters = parametersFor(output, range, activation, symmetricActivations);
  const [low, high] = representable(parameters);
  const slack = parameters.scale / 100;
  return low >= ends[0] - slack && high <= ends[1] + slack ? reader : undefined;
}

/** Takes out what stands alone among floats, until nothing does. */
function keepIslands(
  candidates: Map<number, Candidate>,
  { constants }: PreparedStatic,
  facts: GraphFacts,
  leave: (node: OnnxNode, reason: string) => void,
): void {
  const clamps = new Map(
    [...candidates].flatMap(([index, { clamp }]) => (clamp === undefined ? [] : [[clamp, index]])),
  );
  const isMade = (name: string): boolean => {
    const index = facts.producer.get(name) ?? -1;
    return candidates.has(index) || candidates.has(clamps.get(index) ?? -1);
  };
  for (let changed = true; changed;) {
    changed = false;
    for (const [index, { node, operator, output }] of candidates) {
      if (operator.kind === "product") continue;
      const read = activationInputs(node, operator).filter((name) => !constants.has(name));
      const isRead = (facts.consumers.get(output) ?? []).some((reader) => candidates.has(reader));
      if (read.length > 0 && read.every(isMade) && isRead) continue;
      candidates.delete(index);
      leave(node, isRead ? "reads floats" : "only floats read what it makes");
      changed = true;
    }
  }
}

/** The inputs of a node that are codes in its integer form. */
export function activationInputs({ inputs, opType }: OnnxNode, { kind }: StaticOperator): readonly string[] {
  if (kind === "arithmetic" || kind === "joining") return inputs;
  return opType === "MatMul" ? inputs.slice(0, 2) : inputs.slice(0, 1);
}

function settle(
  candidates: ReadonlyMap<number, Candidate>,
  prepared: PreparedStatic,
  ranges: Ranges,
  facts: GraphFacts,
  floats: readonly Skipped[],
): Assignment {
  const nodes = new Map<number, AssignedNode>();
  const dropped = new Set<number>();
  const groups = new Groups();
  for (const [index, { node, operator, output, clamp }] of candidates) {
    const isRead = (facts.consumers.get(output) ?? []).some((reader) => candidates.has(reader));
    // Convolutions are integers only between codes; products of matrices may end in floats.
    const codesOut = isRead || node.opType === "Conv" || clamp !== undefined;
    nodes.set(index, { node, operator, output, codesOut });
    if (clamp !== undefined) dropped.add(clamp);
    const read = activationInputs(node, operator).filter(
      (name) => !prepared.weights.has(name) && !prepared.constants.has(name),
    );
    for (const name of [...read, ...(codesOut ? [output] : [])]) groups.add(name);
    if (operator.kind === "moving" || (operator.kind === "joining" && areAlike([...read, output], ranges))) {
      for (const name of read) groups.join(name, output);
    }
  }
  const { activation, symmetricActivations } = prepared.options;
  const parameters = new Map<string, TensorParameters>();
  for (const [root, names] of groups.entries()) {
    const known = names.flatMap((name) => ranges.get(name) ?? []);
    const range = { min: Math.min(...known.map(({ min }) => min)), max: Math.max(...known.map(({ max }) => max)) };
    const own = parametersFor(root, range, activation, symmetricActivations);
    for (const name of names) parameters.set(name, own);
  }
  return { facts, nodes, dropped, parameters, floats };
}

const spanOf = ({ min, max }: TensorRange): number => Math.max(0, max) - Math.min(0, min);

function areAlike(names: readonly string[], ranges: Ranges): boolean {
  const spans = names.flatMap((name) => ranges.get(name) ?? []).map(spanOf);
  return Math.max(...spans) <= sharedSpan * Math.min(...spans);
}

/** Tensors that share their parameters. */
class Groups {
  readonly #parents = new Map<string, string>();

  add(name: string): void {
    if (!this.#parents.has(name)) this.#parents.set(name, name);
  }

  join(a: string, b: string): void {
    this.#parents.set(this.#root(b), this.#root(a));
  }

  entries(): ReadonlyMap<string, readonly string[]> {
    const groups = new Map<string, string[]>();
    for (const name of this.#parents.keys()) {
      const root = this.#root(name);
      groups.set(root, [...(groups.get(root) ?? []), name]);
    }
    return groups;
  }

  #root(name: string): string {
    let root = name;
    for (let next = this.#parents.get(root); next !== undefined && next !== root; next = this.#parents.get(root)) {
      root = next;
    }
    return root;
  }
}
