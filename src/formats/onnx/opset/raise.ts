// Raises a model's operator set and IR version, no further than asked. Nodes whose meaning changed on the way
// are adapted; where that cannot be done the model is refused, and the nodes are named.
import { UnsupportedError } from "../../../base/errors.ts";
import { getInt, getTensor } from "../attributes.ts";
import { forEachGraph, mapGraphs, subgraphsOf } from "../graphs.ts";
import { OnnxType, type OnnxGraph, type OnnxModel, type OnnxNode, type OnnxTensor } from "../ir.ts";
import { adapters, type AdaptContext } from "./adapters.ts";

export interface RaiseRequest {
  /** Lowest version of the default operator set; 0 asks for nothing. */
  readonly opset: number;
  /** Further domains that nodes need, at version 1 where the model has none. */
  readonly domains: readonly string[];
  /** A name that nothing in the model has. */
  fresh(wanted: string): string;
}

/** IR version that came with an operator set (onnx's table of released versions). */
const irVersions: readonly (readonly [opset: number, ir: number])[] = [
  [8, 3],
  [9, 4],
  [10, 5],
  [11, 6],
  [14, 7],
  [18, 8],
  [20, 9],
  [22, 10],
  [23, 11],
  [24, 12],
  [26, 13],
];

const irFor = (opset: number): number => irVersions.find(([upTo]) => opset <= upTo)?.[1] ?? 13;

/** Before this version operators broadcast by attributes; runtimes of today start here. */
const oldestConvertible = 7;

const isDefault = (domain: string): boolean => domain === "" || domain === "ai.onnx";

/**
 * The model at `request.opset` or above, and at an IR version in which initializers need not be inputs.
 * @throws UnsupportedError naming the nodes whose change of meaning cannot be bridged
 */
export function raiseVersions(
  model: OnnxModel,
  request: RaiseRequest,
): { model: OnnxModel; warnings: readonly string[] } {
  const declared = model.opsets.find(({ domain }) => isDefault(domain))?.version;
  const target = Math.max(declared ?? 0, request.opset);
  const current = declared ?? target;
  const missing = request.domains.filter((domain) => !model.opsets.some((opset) => opset.domain === domain));
  const opsets = [
    ...model.opsets.map((opset) => (isDefault(opset.domain) ? { ...opset, version: target } : opset)),
    ...(declared === undefined && target > 0 ? [{ domain: "", version: target }] : []),
    ...missing.map((domain) => ({ domain, version: 1 })),
  ];
  const irVersion = Math.max(model.irVersion, 4, target > current ? irFor(target) : 0);
  if (current >= target) return { model: { ...withoutConstantInputs(model), opsets, irVersion }, warnings: [] };
  if (current < oldestConvertible) {
    throw new UnsupportedError(
      `Operator set ${current} is older than ${oldestConvertible} and cannot be raised to ${target}.`,
      { hint: "Export the model again at a newer operator set.", details: { from: current, to: target } },
    );
  }
  const facts = new Facts(model);
  const refused = changedInFunctions(model, current, target);
  const warnings = [`Operator set raised from ${current} to ${target}.`];
  const raised = mapGraphs(withoutConstantInputs(model), (graph) => {
    const added: OnnxTensor[] = [];
    const context: AdaptContext = {
      rankOf: (name) => facts.rankOf(name),
      floatTypeOf: (name) => facts.floatTypeOf(name),
      constantOf: (name) => facts.constantOf(name),
      isUsed: (name) => facts.isUsed(name),
      fresh: (wanted) => request.fresh(wanted),
      warn: (text) => warnings.push(text),
      constant: (tensor) => {
        added.push(tensor);
        return tensor.name;
      },
    };
    const nodes = graph.nodes.flatMap((node) => adaptNode(node, current, target, context, refused));
    const same = nodes.length === graph.nodes.length && nodes.every((node, i) => node === graph.nodes[i]);
    return same ? graph : { ...graph, nodes, initializers: [...graph.initializers, ...added] };
  });
  if (refused.length > 0) {
    throw new UnsupportedError(
      `The model's operator set ${current} cannot be raised to ${target}: ${refused.join("; ")}.`,
      {
        hint: "Export the model again at that operator set, or choose a format that needs no newer one, such as MatMulNBits only.",
        details: { from: current, to: target, nodes: refused },
      },
    );
  }
  return { model: { ...raised, opsets, irVersion }, warnings };
}

/** Up to IR version 3 initializers had to be inputs, yet were constants; later such inputs are defaults. */
function withoutConstantInputs(model: OnnxModel): OnnxModel {
  if (model.irVersion >= 4) return model;
  const constants = new Set(model.graph.initializers.map((tensor) => tensor.name));
  const inputs = model.graph.inputs.filter((input) => !constants.has(input.name));
  return inputs.length === model.graph.inputs.length ? model : { ...model, graph: { ...model.graph, inputs } };
}

/**
 * Runtimes read the bodies of model-local functions under the model's operator set, whatever set the function
 * itself names, and the bodies are kept as they are: one that uses a changed operator stands in the way.
 */
function changedInFunctions(model: OnnxModel, from: number, to: number): string[] {
  const found: string[] = [];
  for (const { name, domain, nodes } of model.functions ?? []) {
    const pending = [...nodes];
    for (let node = pending.pop(); node; node = pending.pop()) {
      for (const { graph } of subgraphsOf(node)) pending.push(...graph.nodes);
      if (isDefault(node.domain) && changes(node.opType, from, to)) {
        found.push(`${node.opType} in function "${domain}::${name}" (functions are not converted)`);
      }
    }
  }
  return found;
}

const changes = (opType: string, from: number, to: number): boolean =>
  [...adapters].some(([version, table]) => version > from && version <= to && Object.hasOwn(table, opType));

const floatTypes: ReadonlySet<number | undefined> = new Set([OnnxType.FLOAT, OnnxType.FLOAT16, OnnxType.DOUBLE]);

/** What adapters ask of values. One table for all graphs: a name that hides an outer one is rare and harmless here. */
class Facts {
  readonly #ranks = new Map<string, number>();
  readonly #types = new Map<string, number>();
  readonly #constants = new Map<string, OnnxTensor>();
  readonly #used = new Set<string>();

  constructor(model: OnnxModel) {
    forEachGraph(model, (graph) => this.#gather(graph));
  }

  rankOf(name: string): number | undefined {
    return this.#ranks.get(name);
  }

  floatTypeOf(name: string): number {
    return this.#types.get(name) ?? OnnxType.FLOAT;
  }

  constantOf(name: string): OnnxTensor | undefined {
    return this.#constants.get(name);
  }

  isUsed(name: string): boolean {
    return this.#used.has(name);
  }

  #gather(graph: OnnxGraph): void {
    for (const info of [...graph.inputs, ...graph.outputs, ...graph.valueInfo]) {
      if (!info.tensor) continue;
      if (info.tensor.dims) this.#ranks.set(info.name, info.tensor.dims.length);
      this.#types.set(info.name, info.tensor.dataType);
    }
    for (const output of graph.outputs) this.#used.add(output.name);
    for (const tensor of graph.initializers) this.#declare(tensor.name, tensor);
    for (const node of graph.nodes) {
      for (const name of node.inputs) this.#used.add(name);
      const [output] = node.outputs;
      const value = isDefault(node.domain) && node.opType === "Constant" ? getTensor(node, "value") : undefined;
      if (output && value) this.#declare(output, value);
      // Most operators hand on the type of their data: enough to tell a half model from a float one.
      const handedOn = node.inputs.map((name) => this.#types.get(name)).find((type) => floatTypes.has(type));
      const type = node.opType === "Cast" ? getInt(node, "to") : handedOn;
      for (const name of node.outputs) if (type !== undefined && !this.#types.has(name)) this.#types.set(name, type);
    }
  }

  #declare(name: string, tensor: OnnxTensor): void {
    this.#constants.set(name, tensor);
    this.#types.set(name, tensor.dataType);
    this.#ranks.set(name, tensor.dims.length);
  }
}

function adaptNode(
  node: OnnxNode,
  from: number,
  to: number,
  context: AdaptContext,
  refused: string[],
): readonly OnnxNode[] {
  if (!isDefault(node.domain)) return [node];
  let nodes: readonly OnnxNode[] = [node];
  for (let version = from + 1; version <= to; version++) {
    const table = adapters.get(version);
    if (!table) continue;
    nodes = nodes.flatMap((at) => {
      const adapter = Object.hasOwn(table, at.opType) && isDefault(at.domain) ? table[at.opType] : undefined;
      const adapted = adapter ? adapter(at, context) : [at];
      if (!("refused" in adapted)) return adapted;
      refused.push(`${at.opType} "${at.name || at.outputs[0]}" (${adapted.refused}, version ${version})`);
      return [at];
    });
  }
  return nodes;
}
