// Where the channels of an activation can be scaled for nothing: all that reads it are products with weights, whose
// input channels take the factors, and what makes it ends in constants that take their inverses. By structure alone.
import { getFloat, getInt } from "../../formats/onnx/attributes.ts";
import { forEachGraph } from "../../formats/onnx/graphs.ts";
import { OnnxType, type OnnxModel, type OnnxNode, type OnnxTensor } from "../../formats/onnx/ir.ts";
import { collectScopes, collectUses, type ConstantHolder } from "../../model/scopes.ts";
import { channelsAlong, type ChannelAxis } from "./constants.ts";

/** A constant with the axis of the channels that are scaled. */
export interface ScaledConstant {
  readonly tensor: OnnxTensor;
  readonly axis: ChannelAxis;
}

export interface ScaleGroup {
  /** The activation. */
  readonly input: string;
  readonly channels: number;
  /** Take the factors. */
  readonly weights: readonly ScaledConstant[];
  /** Take their inverses. */
  readonly sources: readonly ScaledConstant[];
}

export interface Refusal {
  readonly input: string;
  readonly reason: string;
}

type Found = readonly ScaledConstant[] | string;

/** All activations that some product with a weight reads: groups, and for the rest the reasons. In the graph's order. */
export function findScaleGroups(model: OnnxModel): {
  readonly groups: readonly ScaleGroup[];
  readonly refused: readonly Refusal[];
} {
  const graph = new Structure(model);
  const groups: ScaleGroup[] = [];
  const refused: Refusal[] = [];
  for (const input of graph.productInputs()) {
    const weights = graph.weightsOf(input);
    if (typeof weights === "string") {
      refused.push({ input, reason: weights });
      continue;
    }
    const channels = weights[0]?.axis.channels ?? 0;
    const sources = graph.sourcesOf(input, channels);
    if (typeof sources === "string") refused.push({ input, reason: sources });
    else groups.push({ input, channels, weights, sources });
  }
  return { groups, refused };
}

const isProduct = ({ domain, opType }: OnnxNode): boolean =>
  domain === "" && (opType === "MatMul" || opType === "Gemm");

class Structure {
  readonly #model: OnnxModel;
  readonly #constants = new Map<string, ConstantHolder>();
  readonly #uses = new Map<string, number>();
  readonly #producers = new Map<string, OnnxNode>();
  readonly #readers = new Map<string, { readonly node: OnnxNode; readonly index: number }[]>();
  /** Values that a sub-graph reads or the graph gives out. */
  readonly #elsewhere = new Set<string>();

  constructor(model: OnnxModel) {
    this.#model = model;
    const scopes = collectScopes(model);
    for (const [name, holder] of scopes[0]?.constants ?? []) this.#constants.set(name, holder);
    for (const [{ name, path }, uses] of collectUses(scopes)) if (path.length === 0) this.#uses.set(name, uses.length);
    for (const { name } of model.graph.outputs) this.#elsewhere.add(name);
    forEachGraph(model, (graph, path) => {
      if (path.length > 0) for (const { inputs } of graph.nodes) for (const name of inputs) this.#elsewhere.add(name);
    });
    for (const node of model.graph.nodes) {
      for (const output of node.outputs) this.#producers.set(output, node);
      for (const [index, name] of node.inputs.entries()) {
        this.#readers.set(name, [...(this.#readers.get(name) ?? []), { node, index }]);
      }
    }
  }

  productInputs(): readonly string[] {
    return [
      ...new Set(
        this.#model.graph.nodes
          .filter((node) => isProduct(node) && this.#constants.has(node.inputs[1] ?? ""))
          .map(({ inputs }) => inputs[0] ?? ""),
      ),
    ].filter((name) => !this.#constants.has(name));
  }

  /** The weights that every reader of a value multiplies it with, by their input channels. */
  weightsOf(input: string): Found {
    if (this.#elsewhere.has(input)) return "it is an output of the graph, or read within a branch or loop";
    const found: ScaledConstant[] = [];
    for (const { node, index } of this.#readers.get(input) ?? []) {
      const { opType, inputs } = node;
      const isPlain = isProduct(node) && (opType === "MatMul" || getInt(node, "transA", 0) === 0);
      if (!isPlain || index !== 0) return `${opType} "${node.name}" reads it too`;
      const axis = opType === "Gemm" && getInt(node, "transB", 0) !== 0 ? 1 : 0;
      const weight = this.#own(inputs[1] ?? "", axis);
      if (typeof weight === "string") return weight;
      if (weight.tensor.dims.length !== 2) return `"${weight.tensor.name}" is no matrix`;
      found.push(weight);
    }
    return new Set(found.map(({ axis }) => axis.channels)).size === 1 ? found : "its readers differ in size";
  }

  /** Constants whose channels scale a value's, all of the value's own. */
  sourcesOf(value: string, channels: number): Found {
    const node = this.#producers.get(value);
    if (!node) return "it is an input of the graph";
    const [first = "", second = "", third = ""] = node.inputs;
    const refusal = `${node.opType} "${node.name}" before it can't take a factor for each channel`;
    if (node.domain !== "" && node.opType !== "SimplifiedLayerNormalization") return refusal;
    switch (node.opType) {
      case "Mul":
        return this.#either(first, second, channels, refusal);
      case "Add":
        return this.#both([first, second], channels);
      case "MatMul":
        return this.#constants.has(second) ? this.#last(second, channels) : refusal;
      case "Gemm": {
        if (getFloat(node, "beta", 1) === 0) return refusal;
        const axis = getInt(node, "transB", 0) === 0 ? 1 : 0;
        const weight = this.#own(second, axis);
        if (typeof weight === "string" || third === "") return typeof weight === "string" ? weight : [weight];
        const bias = this.#last(third, channels);
        return typeof bias === "string" ? bias : [weight, ...bias];
      }
      case "LayerNormalization":
      case "RMSNormalization":
      case "SimplifiedLayerNormalization": {
        if (getInt(node, "axis", -1) !== -1) return refusal;
        const parts = [second, third].filter((name) => name !== "").map((name) => this.#last(name, channels));
        const wrong = parts.find((part) => typeof part === "string");
        return wrong ?? parts.flatMap((part) => (typeof part === "string" ? [] : part));
      }
      case "Relu":
      case "LeakyRelu":
        return this.#computed(first, channels);
      default:
        return refusal;
    }
  }

  /** One factor of a product: a constant before a computed value. */
  #either(a: string, b: string, channels: number, refusal: string): Found {
    const tries = [a, b].toSorted((x, y) => Number(this.#constants.has(y)) - Number(this.#constants.has(x)));
    let reason = refusal;
    for (const name of tries) {
      const found = this.#constants.has(name) ? this.#last(name, channels) : this.#computed(name, channels);
      if (typeof found !== "string") return found;
      reason = found;
    }
    return reason;
  }

  #both(names: readonly string[], channels: number): Found {
    const all: ScaledConstant[] = [];
    for (const name of names) {
      const found = this.#constants.has(name) ? this.#last(name, channels) : this.#computed(name, channels);
      if (typeof found === "string") return found;
      all.push(...found);
    }
    return all;
  }

  /** Constants behind a value that nothing else reads. */
  #computed(name: string, channels: number): Found {
    const readers = this.#readers.get(name)?.length ?? 0;
    if (readers !== 1 || this.#elsewhere.has(name)) return `"${name}" before it is read elsewhere too`;
    return this.sourcesOf(name, channels);
  }

  /** A constant whose channels lie along its last axis. */
  #last(name: string, channels: number): Found {
    const found = this.#own(name, -1);
    if (typeof found === "string") return found;
    return found.axis.channels === channels ? [found] : `"${name}" does not have a value for each channel`;
  }

  /** A float32 constant that one operator reads, once. */
  #own(name: string, axis: number): ScaledConstant | string {
    const holder = this.#constants.get(name);
    if (!holder) return `"${name}" is no constant`;
    const { tensor, held } = holder;
    if (held.as === "cast" || tensor.dataType !== OnnxType.FLOAT) return `"${name}" is not float32`;
    if (this.#uses.get(name) !== 1 || this.#elsewhere.has(name)) return `"${name}" is used elsewhere too`;
    return { tensor, axis: channelsAlong(tensor.dims, axis < 0 ? tensor.dims.length + axis : axis) };
  }
}
