// What the lowering of one operator sees of its node: inputs, attributes, the operator set, and the builder.
import { FormatError, UnsupportedError } from "../base/errors.ts";
import { getFloat, getFloats, getGraph, getInt, getInts, getString, getStrings } from "../formats/onnx/attributes.ts";
import type { OnnxGraph, OnnxNode } from "../formats/onnx/ir.ts";
import type { GraphBuilder } from "./builder.ts";
import { sizeOf, type Fusion, type HostTensor, type Value } from "./values.ts";

/** Lowers a sub-graph in place of its node. @param bindings values of the sub-graph's own inputs, in order */
export type InlineGraph = (graph: OnnxGraph, bindings: readonly Value[]) => readonly Value[];

/** Values of a node's outputs; trailing optional ones may be missing. */
export type Lowering = (ctx: NodeContext) => readonly (Value | undefined)[];

export class NodeContext {
  readonly node: OnnxNode;
  /** Version of the operator set that the node's domain has in this model. */
  readonly opset: number;
  readonly b: GraphBuilder;
  readonly inline: InlineGraph;
  readonly #inputs: readonly (Value | undefined)[];
  readonly #uses: (name: string) => number;

  constructor(
    node: OnnxNode,
    opset: number,
    builder: GraphBuilder,
    inputs: readonly (Value | undefined)[],
    inline: InlineGraph,
    uses: (name: string) => number,
  ) {
    this.node = node;
    this.opset = opset;
    this.b = builder;
    this.inline = inline;
    this.#uses = uses;
    this.#inputs = inputs;
  }

  /** The same node over other inputs, for operators that are another one behind a change of their inputs. */
  withInputs(inputs: readonly (Value | undefined)[], opset = this.opset): NodeContext {
    return new NodeContext(this.node, opset, this.b, inputs, this.inline, this.#uses);
  }

  get label(): string {
    const { name, opType, outputs } = this.node;
    return `${opType} "${name || (outputs[0] ?? "")}"`;
  }

  get inputCount(): number {
    return this.#inputs.length;
  }

  /** @throws FormatError where the node has no such input */
  input(index: number): Value {
    const value = this.#inputs[index];
    if (value) return value;
    throw new FormatError(`${this.label} has no input ${index}.`, {
      hint: "The model is not valid; check it with onnx.checker or export it again.",
      details: { node: this.node.name, input: index },
    });
  }

  optional(index: number): Value | undefined {
    return this.#inputs[index];
  }

  /** What the step behind an input can take in, if nothing but this node reads that input. */
  fusion(index: number): Fusion | undefined {
    const name = this.node.inputs[index] ?? "";
    return this.#uses(name) === 1 ? this.#inputs[index]?.fusion : undefined;
  }

  /** All inputs that are there. */
  inputs(): readonly Value[] {
    return this.#inputs.flatMap((value) => (value ? [value] : []));
  }

  /** Whether output `index` is named, and so used. */
  wants(index: number): boolean {
    return (this.node.outputs[index] ?? "") !== "";
  }

  int(name: string): number | undefined;
  int(name: string, otherwise: number): number;
  int(name: string, otherwise?: number): number | undefined {
    return otherwise === undefined ? getInt(this.node, name) : getInt(this.node, name, otherwise);
  }

  float(name: string): number | undefined;
  float(name: string, otherwise: number): number;
  float(name: string, otherwise?: number): number | undefined {
    return otherwise === undefined ? getFloat(this.node, name) : getFloat(this.node, name, otherwise);
  }

  ints = (name: string): readonly number[] | undefined => getInts(this.node, name);
  floats = (name: string): readonly number[] | undefined => getFloats(this.node, name);
  text = (name: string): string | undefined => getString(this.node, name);
  texts = (name: string): readonly string[] | undefined => getStrings(this.node, name);

  /** @throws FormatError where the attribute is missing */
  graph(name: string): OnnxGraph {
    const graph = getGraph(this.node, name);
    if (graph) return graph;
    throw new FormatError(`${this.label} has no sub-graph "${name}".`, { details: { node: this.node.name } });
  }

  /** Elements of an input that decides shapes or control flow. @throws UnsupportedError where a run computes them */
  host(index: number, what: string): HostTensor {
    return this.b.requireHost(this.input(index), what);
  }

  /** As `host`, in plain numbers. */
  numbers(index: number, what: string): readonly number[] {
    return [...this.host(index, what).data];
  }

  /** An axis counted from the front. @throws FormatError for one that the rank lacks */
  axis(axis: number, rank: number): number {
    const from = axis < 0 ? axis + rank : axis;
    if (from >= 0 && from < Math.max(1, rank)) return from;
    throw new FormatError(`${this.label} has axis ${axis} for a tensor of rank ${rank}.`, {
      details: { node: this.node.name, axis, rank },
    });
  }

  /** A refusal that names the node. */
  unsupported(what: string, hint: string): UnsupportedError {
    return new UnsupportedError(`${this.label}: ${what}`, {
      hint,
      details: { node: this.node.name, op: this.node.opType, domain: this.node.domain, opset: this.opset },
    });
  }

  /** A contradiction between the node and its inputs. */
  mismatch(what: string): FormatError {
    return new FormatError(`${this.label}: ${what}`, {
      hint: "Give inputs of the shapes that the model was made for, or export it again.",
      details: { node: this.node.name },
    });
  }

  /** The dims that several broadcast to. @throws FormatError where they do not */
  broadcast(...shapes: readonly (readonly number[])[]): number[] {
    const rank = Math.max(0, ...shapes.map((dims) => dims.length));
    return Array.from({ length: rank }, (_, i) => {
      let dim = 1;
      for (const dims of shapes) {
        const own = dims[i - rank + dims.length] ?? 1;
        if (own === 1 || own === dim) continue;
        if (dim !== 1) throw this.mismatch(`[${shapes.map((s) => s.join()).join("] and [")}] do not broadcast.`);
        dim = own;
      }
      return dim;
    });
  }

  /** Dims split at an axis: elements before, along and after it. */
  split(dims: readonly number[], axis: number): { outer: number; axis: number; inner: number } {
    return { outer: sizeOf(dims.slice(0, axis)), axis: dims[axis] ?? 1, inner: sizeOf(dims.slice(axis + 1)) };
  }
}
