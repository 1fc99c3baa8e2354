// The rules that bind a whole graph: one definition per name, producers before consumers, no cycles.
// Names of a sub-graph may hide outer ones: exporters do that and runtimes accept it.
import { FormatError } from "../../base/errors.ts";
import { subgraphsOf } from "./graphs.ts";
import type { OnnxGraph, OnnxModel, OnnxNode } from "./ir.ts";
import { maxGraphDepth } from "./schema.ts";

interface Scope {
  readonly parent: Scope | undefined;
  /** Names visible so far. */
  readonly known: Set<string>;
}

const sees = (scope: Scope, name: string): boolean => {
  for (let at: Scope | undefined = scope; at; at = at.parent) if (at.known.has(name)) return true;
  return false;
};

const nodeLabel = (node: OnnxNode, index: number): string =>
  `node ${index}${node.name === "" ? "" : ` "${node.name}"`} (${node.opType})`;

/**
 * Checks all graphs of a model, sub-graphs included; model-local functions are not looked into.
 * @param file for messages
 * @throws FormatError for duplicate definitions, cycles (with the nodes on one), values used before they
 *   are made or never made, graph outputs that nothing makes, and graphs nested deeper than maxGraphDepth
 */
export function checkModel(model: OnnxModel, file: string): void {
  checkGraph(model.graph, undefined, file, 0);
}

function checkGraph(graph: OnnxGraph, parent: Scope | undefined, file: string, depth: number): void {
  const fail = (what: string, hint: string, details: Readonly<Record<string, string>>): FormatError =>
    new FormatError(`${file}: ${what} in graph "${graph.name}".`, {
      hint,
      details: { file, graph: graph.name, ...details },
    });
  if (depth > maxGraphDepth) throw fail(`graphs nested deeper than ${maxGraphDepth}`, "Flatten the model.", {});
  const scope: Scope = { parent, known: new Set() };
  const define = (name: string, by: string): void => {
    if (scope.known.has(name)) {
      throw fail(`two definitions of "${name}", the second by ${by}`, "Names must be unique in a graph.", { name });
    }
    scope.known.add(name);
  };
  for (const input of graph.inputs) define(input.name, "a graph input");
  // An initializer may give an input its default; two initializers may not share a name.
  const initialized = new Set<string>();
  for (const name of [...graph.initializers.map((tensor) => tensor.name), ...(graph.sparseNames ?? [])]) {
    if (initialized.has(name)) {
      throw fail(`two initializers named "${name}"`, "Names must be unique in a graph.", { tensor: name });
    }
    initialized.add(name);
    scope.known.add(name);
  }
  for (const [index, node] of graph.nodes.entries()) {
    for (const name of node.inputs) {
      if (name === "" || sees(scope, name)) continue;
      const cycle = findCycle(graph);
      if (cycle)
        throw fail(`a cycle through ${cycle.join(" -> ")}`, "ONNX graphs have no cycles.", { node: node.name });
      const later = graph.nodes.find((other) => other.outputs.includes(name));
      throw later
        ? fail(
            `${nodeLabel(node, index)} before ${nodeLabel(later, graph.nodes.indexOf(later))}, which makes its input "${name}",`,
            "Sort the nodes so that producers come first, as ONNX demands.",
            { node: node.name, value: name },
          )
        : fail(`${nodeLabel(node, index)} uses "${name}", which nothing makes,`, "Export the model again.", {
            node: node.name,
            value: name,
          });
    }
    for (const { graph: body } of subgraphsOf(node)) checkGraph(body, scope, file, depth + 1);
    for (const name of node.outputs) if (name !== "") define(name, nodeLabel(node, index));
  }
  for (const { name } of graph.outputs) {
    if (!sees(scope, name)) {
      throw fail(`the output "${name}", which nothing makes,`, "Export the model again.", { value: name });
    }
  }
}

/** Labels of the nodes on one cycle among a graph's own nodes, or undefined. Iterative: graphs may be long. */
function findCycle(graph: OnnxGraph): readonly string[] | undefined {
  const producer = new Map<string, number>();
  for (const [index, node] of graph.nodes.entries()) for (const name of node.outputs) producer.set(name, index);
  producer.delete("");
  // 0 unseen, 1 on the path, 2 done
  const state = new Uint8Array(graph.nodes.length);
  for (let root = 0; root < graph.nodes.length; root++) {
    if (state[root] !== 0) continue;
    const path: { index: number; input: number }[] = [{ index: root, input: 0 }];
    state[root] = 1;
    for (let top = path.at(-1); top; top = path.at(-1)) {
      const node = graph.nodes[top.index];
      const name = node?.inputs[top.input++];
      if (name === undefined) {
        state[top.index] = 2;
        path.pop();
        continue;
      }
      const from = producer.get(name);
      if (from === undefined || state[from] === 2) continue;
      if (state[from] === 0) {
        state[from] = 1;
        path.push({ index: from, input: 0 });
        continue;
      }
      const loop = path.slice(path.findIndex((step) => step.index === from)).toReversed();
      const shown = [...loop, ...loop.slice(0, 1)].map(({ index }) => {
        const on = graph.nodes[index];
        return on ? nodeLabel(on, index) : String(index);
      });
      return shown.length > 12 ? [...shown.slice(0, 11), "…", ...shown.slice(-1)] : shown;
    }
  }
  return undefined;
}
