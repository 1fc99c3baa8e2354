// Walks and rebuilds the graphs of a model: the main graph and those inside If, Loop, Scan and others.
import type { AttributeValue, OnnxGraph, OnnxModel, OnnxNode } from "./ir.ts";

/** A step into a sub-graph: which node, which attribute, and which of several graphs. */
export interface GraphStep {
  readonly node: number;
  readonly attribute: string;
  readonly index: number;
}

/** The graphs that a node's attributes hold, in order. */
export function* subgraphsOf(
  node: OnnxNode,
): Generator<{ readonly attribute: string; readonly index: number; readonly graph: OnnxGraph }> {
  for (const { name, value } of node.attributes) {
    if (value.type === "graph") yield { attribute: name, index: 0, graph: value.value };
    else if (value.type === "graphs") {
      for (const [index, graph] of value.value.entries()) yield { attribute: name, index, graph };
    }
  }
}

/** Calls `visit` for every graph, outer before inner; `path` is empty for the main graph. */
export function forEachGraph(model: OnnxModel, visit: (graph: OnnxGraph, path: readonly GraphStep[]) => void): void {
  const walk = (graph: OnnxGraph, path: readonly GraphStep[]): void => {
    visit(graph, path);
    for (const [node, holder] of graph.nodes.entries()) {
      for (const { attribute, index, graph: inner } of subgraphsOf(holder)) {
        walk(inner, [...path, { node, attribute, index }]);
      }
    }
  };
  walk(model.graph, []);
}

/**
 * A model whose graphs went through `edit`, inner before outer. Nodes, attributes and graphs around an
 * unchanged graph stay the same objects, and so are still written byte for byte.
 */
export function mapGraphs(
  model: OnnxModel,
  edit: (graph: OnnxGraph, path: readonly GraphStep[]) => OnnxGraph,
): OnnxModel {
  const map = (graph: OnnxGraph, path: readonly GraphStep[]): OnnxGraph => {
    const nodes = graph.nodes.map((node, index) => mapNode(node, index, path));
    const changed = nodes.some((node, index) => node !== graph.nodes[index]);
    return edit(changed ? { ...graph, nodes } : graph, path);
  };
  const mapNode = (node: OnnxNode, index: number, path: readonly GraphStep[]): OnnxNode => {
    const attributes = node.attributes.map((attribute) => {
      const value = mapValue(attribute.value, (graph, at) =>
        map(graph, [...path, { node: index, attribute: attribute.name, index: at }]),
      );
      if (value === attribute.value) return attribute;
      const { raw: _, ...rest } = attribute;
      return { ...rest, value };
    });
    if (attributes.every((attribute, at) => attribute === node.attributes[at])) return node;
    const { raw: _, ...rest } = node;
    return { ...rest, attributes };
  };
  const graph = map(model.graph, []);
  return graph === model.graph ? model : { ...model, graph };
}

function mapValue(value: AttributeValue, edit: (graph: OnnxGraph, index: number) => OnnxGraph): AttributeValue {
  if (value.type === "graph") {
    const graph = edit(value.value, 0);
    return graph === value.value ? value : { type: "graph", value: graph };
  }
  if (value.type !== "graphs") return value;
  const graphs = value.value.map(edit);
  return graphs.every((graph, at) => graph === value.value[at]) ? value : { type: "graphs", value: graphs };
}
