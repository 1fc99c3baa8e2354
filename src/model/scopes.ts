// Walks an ONNX graph and its sub-graphs with lexical scope: which constant a name means where.
// Knows the graph's structure only; nothing of formats on disk, kernels or methods.
import { subgraphsOf, type GraphStep } from "../formats/onnx/graphs.ts";
import { getInt } from "../formats/onnx/attributes.ts";
import {
  OnnxType,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type ValueInfo,
} from "../formats/onnx/ir.ts";

/** Where a graph sits: [] is the main graph; each step names a node, its attribute, and which of several graphs. */
export type GraphPath = readonly GraphStep[];

/** A readable and unique key of a path: "" for the main graph. */
export const pathKey = (path: GraphPath): string => path.map((s) => `${s.node}.${s.attribute}.${s.index}`).join("/");

export interface ConstantHolder {
  readonly name: string;
  readonly path: GraphPath;
  /** As it is stored: behind a Cast, of another type than what reads it sees. */
  readonly tensor: OnnxTensor;
  /** An initializer, the `value` of the Constant node at this index, or another constant behind a Cast to f32. */
  readonly held:
    | { readonly as: "initializer" }
    | { readonly as: "constant"; readonly node: number }
    | { readonly as: "cast"; readonly node: number; readonly of: ConstantHolder };
}

/** The constant as the file stores it. */
export const storedHolder = (holder: ConstantHolder): ConstantHolder =>
  holder.held.as === "cast" ? holder.held.of : holder;

/** The element type that readers of the constant see. */
export const seenType = ({ held, tensor }: ConstantHolder): number =>
  held.as === "cast" ? OnnxType.FLOAT : tensor.dataType;

export interface Use {
  readonly path: GraphPath;
  readonly nodeIndex: number;
  readonly inputIndex: number;
  readonly node: OnnxNode;
}

export interface Scope {
  readonly graph: OnnxGraph;
  readonly path: GraphPath;
  readonly parent: Scope | undefined;
  readonly constants: ReadonlyMap<string, ConstantHolder>;
  /** Every name that this graph defines itself. */
  readonly defined: ReadonlySet<string>;
}

/** The tensor in a Constant node's `value`, if it has one. */
export function constantTensor(node: OnnxNode): OnnxTensor | undefined {
  if (node.opType !== "Constant" || node.domain !== "") return undefined;
  const value = node.attributes.find((a) => a.name === "value")?.value;
  return value?.type === "tensor" ? value.value : undefined;
}

function openScope(graph: OnnxGraph, path: GraphPath, parent: Scope | undefined): Scope {
  const constants = new Map<string, ConstantHolder>();
  const defined = new Set<string>([...graph.inputs.map((input) => input.name), ...(graph.sparseNames ?? [])]);
  for (const tensor of graph.initializers) {
    constants.set(tensor.name, { name: tensor.name, path, tensor, held: { as: "initializer" } });
    defined.add(tensor.name);
  }
  for (const [index, node] of graph.nodes.entries()) {
    for (const output of node.outputs) defined.add(output);
    const tensor = constantTensor(node);
    const name = node.outputs[0];
    if (tensor && name) constants.set(name, { name, path, tensor, held: { as: "constant", node: index } });
  }
  const scope: Scope = { graph, path, parent, constants, defined };
  for (const [index, node] of graph.nodes.entries()) {
    const of = castToFloat(node) ? lookUpConstant(scope, node.inputs[0] ?? "") : undefined;
    const name = node.outputs[0];
    if (!of || !name || of.held.as === "cast" || !otherFloats.has(of.tensor.dataType)) continue;
    constants.set(name, { name, path, tensor: of.tensor, held: { as: "cast", node: index, of } });
  }
  return scope;
}

const otherFloats: ReadonlySet<number> = new Set([OnnxType.FLOAT16, OnnxType.BFLOAT16, OnnxType.DOUBLE]);

/** True for a Cast to f32. */
export const castToFloat = (node: OnnxNode): boolean =>
  node.opType === "Cast" && node.domain === "" && getInt(node, "to") === OnnxType.FLOAT;

/** All scopes, outer before inner. */
export function collectScopes(model: OnnxModel): readonly Scope[] {
  const scopes: Scope[] = [];
  const pending: Scope[] = [openScope(model.graph, [], undefined)];
  for (let scope = pending.pop(); scope; scope = pending.pop()) {
    scopes.push(scope);
    for (const [node, { attribute, index, graph }] of subgraphEntries(scope.graph)) {
      pending.push(openScope(graph, [...scope.path, { node, attribute, index }], scope));
    }
  }
  return scopes;
}

function* subgraphEntries(graph: OnnxGraph) {
  for (const [index, node] of graph.nodes.entries()) {
    for (const entry of subgraphsOf(node)) yield [index, entry] as const;
  }
}

/** The constant that `name` means in a scope; undefined where it is computed or fed at run time. */
export function lookUpConstant(scope: Scope, name: string): ConstantHolder | undefined {
  for (let at: Scope | undefined = scope; at; at = at.parent) {
    if (at.defined.has(name)) return at.constants.get(name);
  }
  return undefined;
}

/** Constants with all their uses, in file order; a name that shadows an outer one is a different constant. */
export function collectUses(scopes: readonly Scope[]): ReadonlyMap<ConstantHolder, readonly Use[]> {
  const uses = new Map<ConstantHolder, Use[]>();
  for (const scope of scopes) for (const holder of scope.constants.values()) uses.set(holder, []);
  for (const scope of scopes) {
    for (const [nodeIndex, node] of scope.graph.nodes.entries()) {
      for (const [inputIndex, name] of node.inputs.entries()) {
        const holder = name === "" ? undefined : lookUpConstant(scope, name);
        if (holder) uses.get(holder)?.push({ path: scope.path, nodeIndex, inputIndex, node });
      }
    }
  }
  return uses;
}

/** Names that a model uses anywhere, so that new ones can be told apart from them. */
export class NameSpace {
  readonly #taken = new Set<string>();

  constructor(scopes: readonly Scope[]) {
    for (const { graph, defined } of scopes) {
      for (const name of defined) this.#taken.add(name);
      for (const output of graph.outputs) this.#taken.add(output.name);
      for (const node of graph.nodes) {
        this.#taken.add(node.name);
        for (const name of node.inputs) this.#taken.add(name);
      }
    }
  }

  /** A name that nothing else has, as close to `wanted` as can be; taken from now on. */
  fresh(wanted: string): string {
    let name = wanted;
    for (let n = 1; this.#taken.has(name); n++) name = `${wanted}_${n}`;
    this.#taken.add(name);
    return name;
  }
}

/** Every name that a graph still reads, its sub-graphs included. */
export function usedNames(nodes: readonly OnnxNode[], outputs: readonly ValueInfo[]): Set<string> {
  const used = new Set(outputs.map((output) => output.name));
  const pending = [...nodes];
  for (let at = pending.pop(); at; at = pending.pop()) {
    for (const name of at.inputs) used.add(name);
    for (const { value } of at.attributes) {
      for (const graph of value.type === "graph" ? [value.value] : value.type === "graphs" ? value.value : []) {
        for (const output of graph.outputs) used.add(output.name);
        pending.push(...graph.nodes);
      }
    }
  }
  return used;
}
