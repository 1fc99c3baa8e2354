// Raises a model's operator set and IR version, no further than asked. Nodes whose meaning changed on the way
// are adapted; where that cannot be done the model is refused, and the nodes are named.
import { UnsupportedError } from "../../../base/errors.ts";
import { mapGraphs } from "../graphs.ts";
import type { OnnxGraph, OnnxModel, OnnxNode, OnnxTensor } from "../ir.ts";
import { adapters, type AdaptContext } from "./adapters.ts";

export interface RaiseRequest {
  /** Lowest version of the default operator set; 0 asks for nothing. */
  readonly opset: number;
  /** Further domains that nodes need, at version 1 where the model has none. */
  readonly domains: readonly string[];
  /** A name that nothing in the model has. */
  fresh(wanted: string): string;
}

/** IR version that came with an operator set, as far as files need it (onnx.ai, Versioning). */
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
  [25, 13],
];

const irFor = (opset: number): number => irVersions.find(([upTo]) => opset <= upTo)?.[1] ?? 13;

const isDefault = (domain: string): boolean => domain === "" || domain === "ai.onnx";

/**
 * The model at `request.opset` or above.
 * @throws UnsupportedError naming the nodes whose change of meaning cannot be bridged
 */
export function raiseVersions(
  model: OnnxModel,
  request: RaiseRequest,
): { model: OnnxModel; warnings: readonly string[] } {
  const current = model.opsets.find(({ domain }) => isDefault(domain))?.version ?? 1;
  const target = Math.max(current, request.opset);
  const missing = request.domains.filter((domain) => !model.opsets.some((opset) => opset.domain === domain));
  const opsets = [
    ...model.opsets.map((opset) => (isDefault(opset.domain) ? { ...opset, version: target } : opset)),
    ...(target > 1 && !model.opsets.some(({ domain }) => isDefault(domain)) ? [{ domain: "", version: target }] : []),
    ...missing.map((domain) => ({ domain, version: 1 })),
  ];
  // From IR version 4 on initializers need not be graph inputs, which the packed ones are not.
  const irVersion = Math.max(model.irVersion, 4, target > current ? irFor(target) : 0);
  const refused: string[] = [];
  const raised =
    current < target ? mapGraphs(model, (graph) => raiseGraph(graph, current, target, request, refused)) : model;
  if (refused.length > 0) {
    throw new UnsupportedError(
      `The model's operator set ${current} cannot be raised to ${target}: ${refused.join("; ")}.`,
      {
        hint: "Export the model again at that operator set, or choose a format that needs no newer one, such as MatMulNBits only.",
        details: { from: current, to: target, nodes: refused },
      },
    );
  }
  const warnings = current < target ? [`Operator set raised from ${current} to ${target}.`] : [];
  return { model: { ...raised, opsets, irVersion }, warnings };
}

function raiseGraph(graph: OnnxGraph, from: number, to: number, request: RaiseRequest, refused: string[]): OnnxGraph {
  const ranks = new Map<string, number>();
  for (const info of [...graph.inputs, ...graph.outputs, ...graph.valueInfo]) {
    if (info.tensor?.dims) ranks.set(info.name, info.tensor.dims.length);
  }
  const added: OnnxTensor[] = [];
  const context: AdaptContext = {
    fresh: (wanted) => request.fresh(wanted),
    constant: (tensor) => {
      added.push(tensor);
      return tensor.name;
    },
    rankOf: (name) => ranks.get(name),
  };
  const nodes = graph.nodes.flatMap((node) => adaptNode(node, from, to, context, refused));
  if (added.length === 0 && nodes.length === graph.nodes.length && nodes.every((node, i) => node === graph.nodes[i]))
    return graph;
  return { ...graph, nodes, initializers: [...graph.initializers, ...added] };
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
