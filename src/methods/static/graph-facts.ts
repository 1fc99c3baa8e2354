// Who makes and who reads each value of the main graph.
import { subgraphsOf } from "../../formats/onnx/graphs.ts";
import type { OnnxGraph, OnnxModel, OnnxNode } from "../../formats/onnx/ir.ts";

export interface GraphFacts {
  /** Index of the node that makes a value. */
  readonly producer: ReadonlyMap<string, number>;
  /** Indices of the nodes that read a value, once for each. */
  readonly consumers: ReadonlyMap<string, readonly number[]>;
  /** What the graph hands out, and what graphs inside of it read. */
  readonly bound: ReadonlySet<string>;
}

export function graphFacts({ graph }: OnnxModel): GraphFacts {
  const producer = new Map<string, number>();
  const consumers = new Map<string, number[]>();
  const bound = new Set(graph.outputs.map(({ name }) => name));
  for (const [index, node] of graph.nodes.entries()) {
    for (const name of node.outputs) if (name !== "") producer.set(name, index);
    for (const name of new Set(node.inputs)) consumers.set(name, [...(consumers.get(name) ?? []), index]);
    for (const { graph: inner } of subgraphsOf(node)) captured(inner, bound);
  }
  return { producer, consumers, bound };
}

function captured(graph: OnnxGraph, into: Set<string>): void {
  const pending: OnnxNode[] = [...graph.nodes];
  for (const { name } of graph.outputs) into.add(name);
  for (let node = pending.pop(); node; node = pending.pop()) {
    for (const name of node.inputs) into.add(name);
    for (const { graph: inner } of subgraphsOf(node)) {
      for (const { name } of inner.outputs) into.add(name);
      pending.push(...inner.nodes);
    }
  }
}
