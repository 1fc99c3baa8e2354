// Turns a float32 ONNX model into a float16 one: constants are cast, operators run in f16, and Cast nodes
// stand where f16 meets a value that must stay f32: graph inputs and outputs, operators on the block list,
// operators that are not known to take f16, and the bodies of Loop and Scan.
import { elementCount } from "../../../base/dtypes.ts";
import { encodeHalf } from "../../../base/half.ts";
import {
  OnnxType,
  type AttributeValue,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type ValueInfo,
} from "../../../formats/onnx/ir.ts";
import { isFloatTransparent, outputTypes } from "../../../model/element-types.ts";
import { constantTensor, type NameSpace } from "../../../model/scopes.ts";
import type { PackedWeight } from "../packed.ts";
import { node } from "./rewrite.ts";

/** Operators that stay in f32 by default: they lack f16 kernels or lose too much. */
export const defaultHalfBlockList: readonly string[] = [
  "CumSum",
  "NonMaxSuppression",
  "RoiAlign",
  "Range",
  "Upsample",
  "RandomNormal",
  "RandomUniform",
  "RandomNormalLike",
  "RandomUniformLike",
  "Multinomial",
  "GridSample",
  "MaxUnpool",
];

/** Inputs that must stay f32 whatever the operator runs in. */
const fullInputs: Readonly<Record<string, readonly number[]>> = { Resize: [1, 2] };

export interface HalfOptions {
  readonly names: NameSpace;
  /** Operator types, or node names, that stay in f32. */
  readonly keep: ReadonlySet<string>;
  /** Key of a constant's bytes for the run's IO; called once for each constant that is cast. */
  sourceKey(tensor: OnnxTensor): string;
}

export interface HalfResult {
  readonly model: OnnxModel;
  /** Constants to cast on the device. */
  readonly packed: readonly PackedWeight[];
  readonly warnings: readonly string[];
}

interface Value {
  /** Element type in the f32 model. */
  readonly type: number | undefined;
  readonly constant?: { readonly tensor: OnnxTensor; readonly home: GraphState };
  /** Names of this value in each float type. */
  full?: string;
  half?: string;
}

interface GraphState {
  readonly parent: GraphState | undefined;
  readonly values: Map<string, Value>;
  /** Casts made in this graph, by target type and name, so that each is made once. */
  readonly casts: Map<string, string>;
  readonly nodes: OnnxNode[];
  readonly constants: OnnxTensor[];
  readonly keepAll: boolean;
}

/** Converts a whole model; the input model is left as it is. */
export function convertToHalf(model: OnnxModel, options: HalfOptions): HalfResult {
  const converter = new Converter(options);
  const graph = converter.convert(model.graph, undefined, false, false);
  return { model: { ...model, graph }, packed: converter.packed, warnings: converter.warnings };
}

class Converter {
  readonly packed: PackedWeight[] = [];
  readonly warnings: string[] = [];
  readonly #options: HalfOptions;

  constructor(options: HalfOptions) {
    this.#options = options;
  }

  /** @param halfOutputs the graph's float outputs become f16 (branches of an If), else they stay f32 */
  convert(graph: OnnxGraph, parent: GraphState | undefined, keepAll: boolean, halfOutputs: boolean): OnnxGraph {
    const state: GraphState = { parent, values: new Map(), casts: new Map(), nodes: [], constants: [], keepAll };
    for (const input of graph.inputs) state.values.set(input.name, { type: input.tensor?.dataType, full: input.name });
    for (const tensor of graph.initializers) this.#declareConstant(state, tensor.name, tensor);
    const declared = new Map(graph.valueInfo.map((info) => [info.name, info.tensor?.dataType]));
    const outputs = new Set(halfOutputs ? [] : graph.outputs.map((output) => output.name));
    const constantNodes: { name: string; node: OnnxNode }[] = [];
    for (const old of graph.nodes) {
      const tensor = constantTensor(old);
      const name = old.outputs[0];
      if (tensor && name && tensor.dataType === OnnxType.FLOAT && !outputs.has(name)) {
        this.#declareConstant(state, name, tensor);
        constantNodes.push({ name, node: old });
      } else this.#convertNode(state, old, outputs, declared);
    }
    const newOutputs = halfOutputs ? graph.outputs.map((output) => this.#halfOutput(state, output)) : graph.outputs;
    const used = usedNames(state.nodes, newOutputs);
    const stale = (name: string) => state.values.get(name)?.half !== undefined && !used.has(name);
    return {
      ...graph,
      nodes: [...constantNodes.filter(({ name }) => !stale(name)).map(({ node: n }) => n), ...state.nodes],
      initializers: [...graph.initializers.filter((tensor) => !stale(tensor.name)), ...state.constants],
      inputs: graph.inputs.filter((input) => !(state.values.get(input.name)?.constant && stale(input.name))),
      outputs: newOutputs,
      valueInfo: graph.valueInfo.filter((info) => info.tensor?.dataType !== OnnxType.FLOAT),
    };
  }

  #declareConstant(state: GraphState, name: string, tensor: OnnxTensor): void {
    state.values.set(name, { type: tensor.dataType, full: name, constant: { tensor, home: state } });
  }

  #find(state: GraphState, name: string): Value | undefined {
    for (let at: GraphState | undefined = state; at; at = at.parent) {
      const value = at.values.get(name);
      if (value) return value;
    }
    return undefined;
  }

  /** The name under which a float value can be had in a type, casting it if need be. */
  #as(state: GraphState, name: string, type: "full" | "half"): string {
    const value = this.#find(state, name);
    if (!value || value.type !== OnnxType.FLOAT) return name;
    const there = value[type];
    if (there !== undefined) return there;
    if (type === "half" && value.constant) return this.#castConstant(value, name);
    const key = `${type} ${name}`;
    const made = state.casts.get(key);
    if (made !== undefined) return made;
    const from = value.full ?? value.half ?? name;
    const cast = this.#options.names.fresh(`${name}_${type === "half" ? "f16" : "f32"}`);
    const to = BigInt(type === "half" ? OnnxType.FLOAT16 : OnnxType.FLOAT);
    state.nodes.push(node("Cast", this.#options.names.fresh(`${cast}_cast`), [from], [cast], { to }));
    state.casts.set(key, cast);
    return cast;
  }

  #castConstant(value: Value, name: string): string {
    const { tensor, home } = value.constant ?? {};
    if (!tensor || !home) return name;
    const fresh = this.#options.names.fresh(`${name}_f16`);
    const elements = elementCount(tensor.dims);
    const length = elements * 2;
    home.constants.push({
      name: fresh,
      dataType: OnnxType.FLOAT16,
      dims: tensor.dims,
      data: { kind: "pending", key: fresh, length },
    });
    this.packed.push({
      id: fresh,
      source: this.#options.sourceKey(tensor),
      sourceType: "f32",
      sourceElement: 0,
      geometry: { kind: "wide", outer: 1, channels: elements, inner: 1 },
      layout: "natural",
      encoding: { kind: "cast", to: "f16" },
      search: { kind: "absmax" },
      scaleType: "f32",
      parts: { codes: { key: fresh, tensor: fresh, bytes: length } },
    });
    value.half = fresh;
    return fresh;
  }

  #convertNode(
    state: GraphState,
    old: OnnxNode,
    outputs: ReadonlySet<string>,
    declared: ReadonlyMap<string, number | undefined>,
  ): void {
    const types = this.#outputTypes(state, old, declared);
    const half = !state.keepAll && this.#takesHalf(old);
    const inputs = old.inputs.map((name, i) =>
      name === "" ? name : this.#as(state, name, half && !fullInputs[old.opType]?.includes(i) ? "half" : "full"),
    );
    const attributes = old.attributes.map((attribute) => ({
      ...attribute,
      value: this.#attribute(state, old, attribute.name, attribute.value, half),
    }));
    const changed =
      inputs.some((name, i) => name !== old.inputs[i]) ||
      attributes.some((a, i) => a.value !== old.attributes[i]?.value);
    const backCasts: OnnxNode[] = [];
    const newOutputs = old.outputs.map((name, i) => {
      const type = types[i];
      if (type !== OnnxType.FLOAT || !half) {
        state.values.set(name, { type, full: name });
        return name;
      }
      if (!outputs.has(name)) {
        state.values.set(name, { type, half: name });
        return name;
      }
      const inner = this.#options.names.fresh(`${name}_f16`);
      backCasts.push(
        node("Cast", this.#options.names.fresh(`${name}_output`), [inner], [name], { to: BigInt(OnnxType.FLOAT) }),
      );
      state.values.set(name, { type, half: inner, full: name });
      return inner;
    });
    if (changed || newOutputs.some((name, i) => name !== old.outputs[i])) {
      const { raw: _raw, ...rest } = old;
      const plain = attributes.map(({ raw: _attributeRaw, ...attribute }, i) =>
        attribute.value === old.attributes[i]?.value ? (old.attributes[i] ?? attribute) : attribute,
      );
      state.nodes.push({ ...rest, inputs, outputs: newOutputs, attributes: plain });
    } else state.nodes.push(old);
    state.nodes.push(...backCasts);
  }

  #takesHalf(old: OnnxNode): boolean {
    if (this.#options.keep.has(old.opType) || this.#options.keep.has(old.name)) return false;
    return isFloatTransparent(old);
  }

  #outputTypes(state: GraphState, old: OnnxNode, declared: ReadonlyMap<string, number | undefined>) {
    const typeOf = (name: string) => this.#find(state, name)?.type;
    const types = outputTypes(old, typeOf, (graph) => this.#graphOutputTypes(graph, state));
    return old.outputs.map((name, i) => {
      const type = types[i] ?? declared.get(name);
      if (type !== undefined || name === "") return type;
      this.warnings.push(
        `The element type of "${name}" (${old.domain || "ai.onnx"}::${old.opType}) is unknown; taken as float32.`,
      );
      return OnnxType.FLOAT;
    });
  }

  #graphOutputTypes(graph: OnnxGraph, parent: GraphState): readonly (number | undefined)[] {
    const known = new Map<string, number | undefined>();
    const typeOf = (name: string) => (known.has(name) ? known.get(name) : this.#find(parent, name)?.type);
    for (const input of graph.inputs) known.set(input.name, input.tensor?.dataType);
    for (const tensor of graph.initializers) known.set(tensor.name, tensor.dataType);
    for (const info of graph.valueInfo) known.set(info.name, info.tensor?.dataType);
    for (const inner of graph.nodes) {
      const types = outputTypes(inner, typeOf, (sub) => this.#graphOutputTypes(sub, parent));
      for (const [i, name] of inner.outputs.entries()) if (types[i] !== undefined) known.set(name, types[i]);
    }
    return graph.outputs.map((output) => output.tensor?.dataType ?? typeOf(output.name));
  }

  #attribute(state: GraphState, old: OnnxNode, name: string, value: AttributeValue, half: boolean): AttributeValue {
    if (value.type === "graph") {
      const branch = half && old.opType === "If";
      return { type: "graph", value: this.convert(value.value, state, !branch, branch) };
    }
    if (!half) return value;
    if (old.opType === "Cast" && name === "to" && value.type === "int" && value.value === BigInt(OnnxType.FLOAT)) {
      return { type: "int", value: BigInt(OnnxType.FLOAT16) };
    }
    if (
      old.opType === "ConstantOfShape" &&
      name === "value" &&
      value.type === "tensor" &&
      value.value.dataType === OnnxType.FLOAT
    ) {
      return { type: "tensor", value: halfScalar(value.value) };
    }
    return value;
  }

  #halfOutput(state: GraphState, output: ValueInfo): ValueInfo {
    const value = this.#find(state, output.name);
    if (value?.type !== OnnxType.FLOAT) return output;
    let name = this.#as(state, output.name, "half");
    if (!state.nodes.some((made) => made.outputs.includes(name))) {
      const copy = this.#options.names.fresh(`${output.name}_branch`);
      state.nodes.push(node("Identity", this.#options.names.fresh(`${copy}_identity`), [name], [copy]));
      name = copy;
    }
    const { raw: _raw, unknown: _unknown, ...rest } = output;
    return { ...rest, name, tensor: { ...output.tensor, dataType: OnnxType.FLOAT16 } };
  }
}

/** Every name that a graph still reads, its sub-graphs included. */
function usedNames(nodes: readonly OnnxNode[], outputs: readonly ValueInfo[]): Set<string> {
  const used = new Set(outputs.map((output) => output.name));
  const pending = [...nodes];
  for (let at = pending.pop(); at; at = pending.pop()) {
    for (const name of at.inputs) used.add(name);
    for (const { value } of at.attributes) {
      for (const graph of value.type === "graph" ? [value.value] : value.type === "graphs" ? value.value : []) {
        for (const output of graph.outputs) used.add(output.name);
        pending.push(...graph.nodes);
      }
    }
  }
  return used;
}

const largestHalf = 65504;

/** ConstantOfShape holds one element; its f32 bits to f16, rounded to nearest even and saturated. */
function halfScalar(tensor: OnnxTensor): OnnxTensor {
  if (tensor.data.kind !== "bytes" || tensor.data.bytes.byteLength < 4) return tensor;
  const { bytes } = tensor.data;
  const value = new DataView(bytes.buffer, bytes.byteOffset, 4).getFloat32(0, true);
  const half = new Uint8Array(2);
  new DataView(half.buffer).setUint16(0, encodeHalf(Math.max(-largestHalf, Math.min(largestHalf, value))), true);
  return { name: tensor.name, dataType: OnnxType.FLOAT16, dims: tensor.dims, data: { kind: "bytes", bytes: half } };
}
