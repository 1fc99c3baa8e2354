// Edits of an ONNX graph as data, and their application: new objects, the old model stays as it is.
// An edit names places by path and index of the original model, so that edits do not disturb each other.
import { mapGraphs } from "../../../formats/onnx/graphs.ts";
import type { OnnxGraph, OnnxModel, OnnxNode, OnnxTensor } from "../../../formats/onnx/ir.ts";
import { pathKey, type ConstantHolder, type GraphPath } from "../../../model/scopes.ts";

export type GraphEdit =
  /** Puts nodes in the place of one. */
  | {
      readonly kind: "replaceNode";
      readonly path: GraphPath;
      readonly node: number;
      readonly nodes: readonly OnnxNode[];
    }
  /** Puts nodes before a node; index 0 for what reads initializers only. */
  | {
      readonly kind: "insertNodes";
      readonly path: GraphPath;
      readonly before: number;
      readonly nodes: readonly OnnxNode[];
    }
  | { readonly kind: "addInitializers"; readonly path: GraphPath; readonly tensors: readonly OnnxTensor[] }
  /** Removes a constant, wherever it is held; its name also leaves the graph's inputs. */
  | { readonly kind: "dropConstant"; readonly holder: ConstantHolder };

/** Behind a Cast, the constant goes with it. */
const withStored = (edit: GraphEdit): readonly GraphEdit[] =>
  edit.kind === "dropConstant" && edit.holder.held.as === "cast"
    ? [edit, { kind: "dropConstant", holder: edit.holder.held.of }]
    : [edit];

const pathOf = (edit: GraphEdit): GraphPath => (edit.kind === "dropConstant" ? edit.holder.path : edit.path);

/** Applies all edits. Of several replacements of one node the last counts; other edits add up. */
export function applyEdits(model: OnnxModel, edits: readonly GraphEdit[]): OnnxModel {
  const byPath = new Map<string, GraphEdit[]>();
  for (const edit of edits.flatMap(withStored)) {
    const key = pathKey(pathOf(edit));
    const own = byPath.get(key);
    if (own) own.push(edit);
    else byPath.set(key, [edit]);
  }
  return mapGraphs(model, (graph, path) => {
    const own = byPath.get(pathKey(path));
    return own ? editGraph(graph, own) : graph;
  });
}

function editGraph(graph: OnnxGraph, edits: readonly GraphEdit[]): OnnxGraph {
  const replaced = new Map<number, readonly OnnxNode[]>();
  const inserted = new Map<number, OnnxNode[]>();
  const dropped = new Set<string>();
  const added: OnnxTensor[] = [];
  for (const edit of edits) {
    if (edit.kind === "replaceNode") replaced.set(edit.node, edit.nodes);
    else if (edit.kind === "insertNodes") {
      const before = inserted.get(edit.before);
      if (before) before.push(...edit.nodes);
      else inserted.set(edit.before, [...edit.nodes]);
    } else if (edit.kind === "addInitializers") added.push(...edit.tensors);
    else {
      const { held, name } = edit.holder;
      if (held.as === "initializer") dropped.add(name);
      else replaced.set(held.node, []);
    }
  }
  return {
    ...graph,
    nodes: graph.nodes.flatMap((node, index) => [...(inserted.get(index) ?? []), ...(replaced.get(index) ?? [node])]),
    initializers: [...graph.initializers.filter((tensor) => !dropped.has(tensor.name)), ...added],
    inputs: graph.inputs.filter((input) => !dropped.has(input.name)),
  };
}
