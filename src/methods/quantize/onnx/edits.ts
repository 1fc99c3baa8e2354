// Edits of an ONNX graph as data, and their application: new objects, the old model stays as it is.
// An edit names places by path and index of the original model, so that edits do not disturb each other.
import type { OnnxAttribute, OnnxGraph, OnnxModel, OnnxNode, OnnxTensor } from "../../../formats/onnx/ir.ts";
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

const pathOf = (edit: GraphEdit): GraphPath => (edit.kind === "dropConstant" ? edit.holder.path : edit.path);

/** Applies all edits. Later replacements of the same node win; other edits add up. */
export function applyEdits(model: OnnxModel, edits: readonly GraphEdit[]): OnnxModel {
  const byPath = new Map<string, { path: GraphPath; edits: GraphEdit[] }>();
  for (const edit of edits) {
    const path = pathOf(edit);
    const entry = byPath.get(pathKey(path)) ?? { path, edits: [] };
    entry.edits.push(edit);
    byPath.set(pathKey(path), entry);
  }
  return { ...model, graph: editGraph(model.graph, [], byPath) };
}

type EditsByPath = ReadonlyMap<string, { path: GraphPath; edits: GraphEdit[] }>;

function editGraph(graph: OnnxGraph, path: GraphPath, all: EditsByPath): OnnxGraph {
  const prefix = pathKey(path);
  const own = all.get(prefix)?.edits ?? [];
  const touched = [...all.values()].some((entry) => entry.path.length >= path.length && isPrefix(path, entry.path));
  if (!touched) return graph;
  const replaced = new Map<number, readonly OnnxNode[]>();
  const inserted = new Map<number, OnnxNode[]>();
  const dropped = new Set<string>();
  const added: OnnxTensor[] = [];
  for (const edit of own) {
    if (edit.kind === "replaceNode") replaced.set(edit.node, edit.nodes);
    else if (edit.kind === "insertNodes")
      inserted.set(edit.before, [...(inserted.get(edit.before) ?? []), ...edit.nodes]);
    else if (edit.kind === "addInitializers") added.push(...edit.tensors);
    else {
      dropped.add(edit.holder.name);
      if (edit.holder.held.as === "constant" && !replaced.has(edit.holder.held.node))
        replaced.set(edit.holder.held.node, []);
    }
  }
  const nodes = graph.nodes.flatMap((node, index) => [
    ...(inserted.get(index) ?? []),
    ...(replaced.get(index) ?? [editSubgraphs(node, index, path, all)]),
  ]);
  return {
    ...graph,
    nodes: [...nodes, ...(inserted.get(graph.nodes.length) ?? [])],
    initializers: [...graph.initializers.filter((tensor) => !dropped.has(tensor.name)), ...added],
    inputs: graph.inputs.filter((input) => !dropped.has(input.name)),
  };
}

function isPrefix(prefix: GraphPath, path: GraphPath): boolean {
  return prefix.every((step, i) => {
    const other = path[i];
    return other?.node === step.node && other.attribute === step.attribute && other.index === step.index;
  });
}

function editSubgraphs(node: OnnxNode, index: number, path: GraphPath, all: EditsByPath): OnnxNode {
  let changed = false;
  const edit = (graph: OnnxGraph, attribute: string, at: number): OnnxGraph => {
    const result = editGraph(graph, [...path, { node: index, attribute, index: at }], all);
    changed ||= result !== graph;
    return result;
  };
  const attributes = node.attributes.map((attribute): OnnxAttribute => {
    const { name, value, unknown } = attribute;
    const before = changed;
    changed = false;
    let result: OnnxAttribute = attribute;
    if (value.type === "graph") {
      const graph = edit(value.value, name, 0);
      if (changed) result = { name, value: { type: "graph", value: graph }, ...(unknown ? { unknown } : {}) };
    } else if (value.type === "graphs") {
      const graphs = value.value.map((graph, at) => edit(graph, name, at));
      if (changed) result = { name, value: { type: "graphs", value: graphs }, ...(unknown ? { unknown } : {}) };
    }
    changed ||= before;
    return result;
  });
  if (!changed) return node;
  const { raw: _raw, ...rest } = node;
  return { ...rest, attributes };
}
