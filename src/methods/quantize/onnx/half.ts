// Turns a float32 ONNX model into a float16 one: constants are cast, operators run in f16, and Cast nodes
// stand where f16 meets a value that must stay f32: graph inputs and outputs, operators on the block list,
// operators that are not known to take f16, and the bodies of Loop and Scan.
import {
  OnnxType,
  type AttributeValue,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type ValueInfo,
} from "../../../formats/onnx/ir.ts";
import {
  bodyInputTypes,
  declaredType,
  graphOutputTypes,
  isFloatTransparent,
  outputTypes,
  runsInHalf,
} from "../../../model/element-types.ts";
import { castToFloat, constantTensor, usedNames, type NameSpace } from "../../../model/scopes.ts";
import type { PackedWeight } from "../packed.ts";
import { castOnDevice, castOnHost, halfScalar, hostCastable } from "./half-constants.ts";
import { findValue, given, isFloat, requireCasts, type GraphRole, type GraphState, type Value } from "./half-values.ts";
import { normNodes } from "./half-norms.ts";
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
  /** Names of nodes that compute with scales in f32, whose values are not known yet. */
  readonly packedInFull?: ReadonlySet<string>;
  /** Key of a constant's bytes for the run's IO; called once for each constant that the device casts. */
  sourceKey(tensor: OnnxTensor, name: string): string;
}

export interface HalfResult {
  readonly model: OnnxModel;
  /** Constants to cast on the device. */
  readonly packed: readonly PackedWeight[];
  readonly warnings: readonly string[];
  /** Operators that stay in f32, with the reason. */
  readonly kept: readonly { readonly name: string; readonly reason: string }[];
}

/** Operators that name the type of their outputs, or whose bodies do. */
const typeGiving: ReadonlySet<string> = new Set(["Cast", "ConstantOfShape", "If"]);

/** How a node runs: in f16, in f32, or on the types it had, because it is not known what it takes. */
type Mode = "half" | "full" | "given";

/**
 * Converts a whole model; the input model is left as it is.
 * @throws UnsupportedError below operator set 6
 */
export function convertToHalf(model: OnnxModel, options: HalfOptions): HalfResult {
  requireCasts(model);
  const converter = new Converter(options);
  // From IR version 4 on, an initializer that is also an input is a default that callers may replace.
  const fed = new Set(model.irVersion >= 4 ? model.graph.inputs.map(({ name }) => name) : []);
  const graph = converter.convert(model.graph, { keepAll: false, halfOutputs: false, fed });
  const kept = [...converter.kept].map(([type, { count, reason }]) => ({ name: `${type} (${count})`, reason }));
  return { model: { ...model, graph }, packed: converter.packed, warnings: converter.warnings, kept };
}

class Converter {
  readonly packed: PackedWeight[] = [];
  readonly warnings: string[] = [];
  readonly kept = new Map<string, { count: number; readonly reason: string }>();
  readonly #options: HalfOptions;
  readonly #norms = new Set<OnnxNode>();

  constructor(options: HalfOptions) {
    this.#options = options;
  }

  convert(graph: OnnxGraph, { parent, keepAll, halfOutputs, inputTypes, fed }: GraphRole): OnnxGraph {
    const state: GraphState = { parent, values: new Map(), casts: new Map(), nodes: [], constants: [], keepAll };
    for (const inNorm of normNodes(graph)) this.#norms.add(inNorm);
    for (const [i, input] of graph.inputs.entries())
      state.values.set(input.name, given(declaredType(input) ?? inputTypes?.[i], input.name));
    for (const tensor of graph.initializers)
      if (!fed?.has(tensor.name)) this.#declareConstant(state, tensor.name, tensor);
    for (const name of graph.sparseNames ?? []) state.values.set(name, given(OnnxType.FLOAT, name));
    const declared = new Map([...graph.valueInfo, ...graph.outputs].map((info) => [info.name, declaredType(info)]));
    const types = graphOutputTypes(graph, (name) => parent && findValue(parent, name)?.type, inputTypes);
    const outputs = new Map(halfOutputs ? [] : graph.outputs.map(({ name }, i) => [name, types[i] ?? OnnxType.FLOAT]));
    const constantNodes: { name: string; node: OnnxNode }[] = [];
    for (const old of graph.nodes) {
      const tensor = constantTensor(old);
      const name = old.outputs[0];
      if (tensor && name && tensor.dataType === OnnxType.FLOAT && !outputs.has(name)) {
        this.#declareConstant(state, name, tensor);
        constantNodes.push({ name, node: old });
      } else if (tensor?.dataType === OnnxType.BFLOAT16 && name) {
        this.#declareConstant(state, name, tensor);
        constantNodes.push({ name, node: old });
      } else if (name && !outputs.has(name) && this.#declareWidened(state, old, name)) {
        constantNodes.push({ name, node: old });
      } else this.#convertNode(state, old, outputs, declared);
    }
    const newOutputs = halfOutputs ? graph.outputs.map((output) => this.#halfOutput(state, output)) : graph.outputs;
    const used = usedNames(state.nodes, newOutputs);
    const cast = (name: string) => state.values.get(name)?.half !== undefined && !used.has(name);
    const fresh = constantNodes.filter(({ name }) => !cast(name)).map(({ node: n }) => n);
    const read = usedNames([...fresh, ...state.nodes], newOutputs);
    const stale = (name: string) => cast(name) || (state.values.get(name)?.bfloat !== undefined && !read.has(name));
    return {
      ...graph,
      nodes: [...fresh.filter(({ outputs: [name = ""] }) => !stale(name)), ...state.nodes],
      initializers: [...graph.initializers.filter((tensor) => !stale(tensor.name)), ...state.constants],
      inputs: graph.inputs.filter(({ name }) => {
        const { constant, bfloat } = state.values.get(name) ?? {};
        return !((constant ?? bfloat) && stale(name));
      }),
      outputs: newOutputs,
      valueInfo: graph.valueInfo.filter((info) => info.tensor?.dataType !== OnnxType.FLOAT),
    };
  }

  #declareConstant(state: GraphState, name: string, tensor: OnnxTensor): void {
    const constant = { tensor, home: state, called: name };
    state.values.set(name, {
      ...given(tensor.dataType, name),
      ...(tensor.dataType === OnnxType.FLOAT && { constant }),
      ...(tensor.dataType === OnnxType.BFLOAT16 && { bfloat: tensor }),
    });
  }

  /** A bf16 constant behind a Cast to f32 is an f32 constant that is stored in half the bytes. */
  #declareWidened(state: GraphState, old: OnnxNode, name: string): boolean {
    const [called = ""] = old.inputs;
    const tensor = castToFloat(old) ? findValue(state, called)?.bfloat : undefined;
    if (!tensor) return false;
    state.values.set(name, { ...given(OnnxType.FLOAT, name), constant: { tensor, home: state, called } });
    return true;
  }

  /** The name under which a float value can be had in a type, casting it if need be. */
  #as(state: GraphState, name: string, type: "full" | "half"): string {
    const value = findValue(state, name);
    if (!value || !isFloat(value.type)) return name;
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
    if (!value.constant) return name;
    const { tensor, home, called } = value.constant;
    const fresh = this.#options.names.fresh(`${name}_f16`);
    if (hostCastable(tensor)) {
      const { half, warning } = castOnHost({ ...tensor, name: called }, fresh);
      home.constants.push(half);
      if (warning) this.warnings.push(warning);
    } else {
      const { half, packed } = castOnDevice(tensor, fresh, this.#options.sourceKey(tensor, called));
      home.constants.push(half);
      this.packed.push(packed);
    }
    value.half = fresh;
    return fresh;
  }

  #convertNode(
    state: GraphState,
    old: OnnxNode,
    outputs: ReadonlyMap<string, number>,
    declared: ReadonlyMap<string, number | undefined>,
  ): void {
    const types = this.#outputTypes(state, old, declared);
    const mode = this.#modeOf(state, old, types);
    const half = mode === "half";
    const [source = "", alias = ""] = [old.inputs[0], old.outputs[0]];
    if (half && old.opType === "Cast" && isFloat(types[0]) && isFloat(findValue(state, source)?.type)) {
      // From one float type to the other: both are f16 now.
      if (!outputs.has(alias)) {
        state.values.set(alias, { type: types[0], half: this.#as(state, source, "half") });
        return;
      }
    }
    const wants = (name: string, index: number): "full" | "half" => {
      if (mode === "given") return findValue(state, name)?.type === OnnxType.FLOAT16 ? "half" : "full";
      return half && !fullInputs[old.opType]?.includes(index) ? "half" : "full";
    };
    const inputs = old.inputs.map((name, i) => (name === "" ? name : this.#as(state, name, wants(name, i))));
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
      if (!isFloat(type)) {
        state.values.set(name, { type, full: name });
        return name;
      }
      const made = mode === "given" ? (type ?? OnnxType.FLOAT) : half ? OnnxType.FLOAT16 : OnnxType.FLOAT;
      const wanted = outputs.get(name) ?? made;
      if (wanted === made || !isFloat(wanted)) {
        state.values.set(name, made === OnnxType.FLOAT16 ? { type, half: name } : { type, full: name });
        return name;
      }
      const inner = this.#options.names.fresh(`${name}_${made === OnnxType.FLOAT16 ? "f16" : "f32"}`);
      backCasts.push(
        node("Cast", this.#options.names.fresh(`${name}_output`), [inner], [name], { to: BigInt(wanted) }),
      );
      const [halfName, fullName] = made === OnnxType.FLOAT16 ? [inner, name] : [name, inner];
      state.values.set(name, { type, half: halfName, full: fullName });
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

  #modeOf(state: GraphState, old: OnnxNode, types: readonly (number | undefined)[]): Mode {
    const listed = this.#options.keep.has(old.opType) || this.#options.keep.has(old.name);
    const known = isFloatTransparent(old);
    const inNorm = this.#norms.has(old);
    const packed = this.#options.packedInFull?.has(old.name) === true;
    if (!listed && !inNorm && !packed && !state.keepAll && runsInHalf(old)) return "half";
    const read = old.inputs.map((name) => findValue(state, name)?.type);
    if ([...read, ...types].includes(OnnxType.FLOAT)) {
      const reason = listed
        ? "stays f32: on the list of operators to keep (--keep-float)"
        : inNorm
          ? "stays f32: squares of a norm overflow f16"
          : packed
            ? "stays f32: has packed weights with f32 scales"
            : runsInHalf(old)
              ? "stays f32: in the body of a Loop or Scan"
              : known
                ? "stays f32: has no f16 form"
                : "stays f32: not known to take f16";
      const before = this.kept.get(old.opType);
      this.kept.set(old.opType, { count: (before?.count ?? 0) + 1, reason: before?.reason ?? reason });
    }
    return known && !typeGiving.has(old.opType) ? "full" : "given";
  }

  #outputTypes(state: GraphState, old: OnnxNode, declared: ReadonlyMap<string, number | undefined>) {
    const typeOf = (name: string) => findValue(state, name)?.type;
    const types = outputTypes(old, typeOf, (graph, inputs) => graphOutputTypes(graph, typeOf, inputs));
    return old.outputs.map((name, i) => {
      const type = types[i] ?? declared.get(name);
      if (type !== undefined || name === "") return type;
      this.warnings.push(
        `The element type of "${name}" (${old.domain || "ai.onnx"}::${old.opType}) is unknown; taken as float32.`,
      );
      return OnnxType.FLOAT;
    });
  }

  #attribute(state: GraphState, old: OnnxNode, name: string, value: AttributeValue, half: boolean): AttributeValue {
    if (value.type === "graph") {
      const branch = half && old.opType === "If";
      const inputTypes = bodyInputTypes(old, (input) => findValue(state, input)?.type);
      return {
        type: "graph",
        value: this.convert(value.value, { parent: state, keepAll: !branch, halfOutputs: branch, inputTypes }),
      };
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
    const value = findValue(state, output.name);
    if (!isFloat(value?.type)) return output;
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
