// Which integers may an input hold? An embedding's index must lie within its table, so the table's size
// bounds the input that feeds it. Reads the graph's structure only, no weights.
import type { OnnxGraph, OnnxNode } from "../formats/onnx/ir.ts";

/** Operators that hand their first input's values on. */
const handOn = new Set([
  "Cast",
  "Clip",
  "Expand",
  "Flatten",
  "Identity",
  "Reshape",
  "Slice",
  "Squeeze",
  "Transpose",
  "Unsqueeze",
]);
/** Operators between a stored table and the Gather that keep its dims. */
const keepDims = new Set(["Cast", "DequantizeLinear", "Identity"]);

/**
 * Bounds [0, rows) of every graph input that indexes a constant table through Gather, GatherElements or
 * GatherBlockQuantized, the smallest where it indexes several. Inputs that index nothing are absent.
 */
export function integerInputRanges(graph: OnnxGraph): ReadonlyMap<string, readonly [min: number, max: number]> {
  const producers = new Map<string, OnnxNode>();
  for (const node of graph.nodes) for (const output of node.outputs) if (output !== "") producers.set(output, node);
  const constants = constantDims(graph);
  const inputs = new Set(graph.inputs.map((input) => input.name));
  const ranges = new Map<string, readonly [number, number]>();
  for (const node of graph.nodes) {
    if (!/^Gather(Elements|BlockQuantized)?$/.test(node.opType)) continue;
    const [table, indices] = node.inputs;
    const dims = table === undefined ? undefined : follow(table, keepDims, producers, (name) => constants.get(name));
    const input =
      indices === undefined
        ? undefined
        : follow(indices, handOn, producers, (name) => (inputs.has(name) ? name : undefined));
    if (!dims || input === undefined || constants.has(input)) continue;
    const axis = integerAttribute(node, node.opType === "GatherBlockQuantized" ? "gather_axis" : "axis");
    const rows = dims.at(axis);
    if (rows === undefined || rows < 1) continue;
    ranges.set(input, [0, Math.min(rows, ranges.get(input)?.[1] ?? rows)]);
  }
  return ranges;
}

function constantDims(graph: OnnxGraph): ReadonlyMap<string, readonly number[]> {
  const dims = new Map(graph.initializers.map((tensor) => [tensor.name, tensor.dims] as const));
  for (const node of graph.nodes) {
    const value = node.opType === "Constant" ? node.attributes.find(({ name }) => name === "value")?.value : undefined;
    if (value?.type === "tensor" && node.outputs[0]) dims.set(node.outputs[0], value.value.dims);
  }
  return dims;
}

/** Walks from a value to what made it, through the given operators, until `found` answers. */
function follow<T>(
  start: string,
  through: ReadonlySet<string>,
  producers: ReadonlyMap<string, OnnxNode>,
  found: (name: string) => T | undefined,
): T | undefined {
  let name: string | undefined = start;
  // A valid graph has no ring, but a hostile one may: no walk is longer than the graph.
  for (let steps = 0; name && steps <= producers.size; steps++) {
    const answer = found(name);
    if (answer !== undefined) return answer;
    const node: OnnxNode | undefined = producers.get(name);
    if (!node || !through.has(node.opType)) return undefined;
    name = node.inputs[0];
  }
  return undefined;
}

function integerAttribute(node: OnnxNode, name: string): number {
  const value = node.attributes.find((attribute) => attribute.name === name)?.value;
  return value?.type === "int" ? Number(value.value) : 0;
}
