// Packed weights come out as f32; where the model reads bf16 there, a Cast follows. Exports that keep weights in bf16
// and compute in f32 cast back at once: both Casts would only round, so ours goes.
import { mapGraphs } from "../../../formats/onnx/graphs.ts";
import type { OnnxGraph, OnnxModel, OnnxNode } from "../../../formats/onnx/ir.ts";
import { castToFloat, usedNames } from "../../../model/scopes.ts";

/** Takes out those of the given Casts that only Casts to f32 read: these then read, and hand on, the f32 value. */
export function dropNeedlessCasts(model: OnnxModel, narrowings: ReadonlySet<OnnxNode>): OnnxModel {
  return narrowings.size === 0 ? model : mapGraphs(model, (graph) => withoutNeedless(graph, narrowings));
}

function withoutNeedless(graph: OnnxGraph, narrowings: ReadonlySet<OnnxNode>): OnnxGraph {
  // What a sub-graph reads, or the graph hands out, stays as it was.
  const read = usedNames(
    graph.nodes.filter((node) => !castToFloat(node)),
    graph.outputs,
  );
  const sources = new Map<string, string>();
  for (const node of graph.nodes) {
    const [from = "", to = ""] = [node.inputs[0], node.outputs[0]];
    if (narrowings.has(node) && !read.has(to)) sources.set(to, from);
  }
  if (sources.size === 0) return graph;
  const kept = graph.nodes.filter(({ outputs }) => !sources.has(outputs[0] ?? ""));
  const nodes = kept.map((node) => {
    const source = sources.get(node.inputs[0] ?? "");
    return source === undefined ? node : readingFrom(node, source);
  });
  return { ...graph, nodes, valueInfo: graph.valueInfo.filter(({ name }) => !sources.has(name)) };
}

const readingFrom = (node: OnnxNode, source: string): OnnxNode => ({ ...node, inputs: [source] });
