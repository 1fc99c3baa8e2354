// Norms that a graph spells out: squares, their mean or sum, an epsilon, a root. In f16 the square of anything beyond
// 255 is infinite, and residual streams of transformers go far beyond: the norm would be zero. onnxruntime's CPU
// provider hides it by computing in f32; a GPU does not.
import type { OnnxGraph, OnnxNode } from "../../../formats/onnx/ir.ts";

const sums = new Set(["ReduceMean", "ReduceSum"]);
const afterwards = new Set(["Add", "Sqrt", "Reciprocal", "Pow"]);

/** The nodes from the squares to the root, or to its reciprocal, of every norm in one graph. */
export function normNodes(graph: OnnxGraph): ReadonlySet<OnnxNode> {
  const readers = new Map<string, OnnxNode[]>();
  for (const node of graph.nodes) {
    for (const name of new Set(node.inputs)) {
      const known = readers.get(name);
      if (known) known.push(node);
      else readers.set(name, [node]);
    }
  }
  const constants = new Set([
    ...graph.initializers.map(({ name }) => name),
    ...graph.nodes.filter(({ opType }) => opType === "Constant").map(({ outputs }) => outputs[0] ?? ""),
  ]);
  const after = (node: OnnxNode): readonly OnnxNode[] => readers.get(node.outputs[0] ?? "") ?? [];
  const found = new Set<OnnxNode>();
  for (const square of graph.nodes.filter(squares)) {
    const reductions = after(square).filter(({ opType }) => sums.has(opType));
    if (reductions.length === 0) continue;
    found.add(square);
    const queue = [...reductions];
    for (let next = queue.pop(); next; next = queue.pop()) {
      if (found.has(next)) continue;
      found.add(next);
      const value = next.outputs[0] ?? "";
      queue.push(...after(next).filter((node) => afterwards.has(node.opType) || isReciprocal(node, value, constants)));
    }
  }
  return found;
}

const squares = ({ opType, inputs }: OnnxNode): boolean =>
  opType === "Pow" || (opType === "Mul" && inputs[0] === inputs[1]);

/** A constant over the root. Where what is normed is the dividend, the norm ends before. */
const isReciprocal = ({ opType, inputs }: OnnxNode, root: string, constants: ReadonlySet<string>): boolean =>
  opType === "Div" && inputs[1] === root && constants.has(inputs[0] ?? "");
