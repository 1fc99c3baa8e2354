// The tensors that both forms of a static model are made of: codes of weights (pending: the device computes them),
// biases, constant operands, scales and zero points. Each is made once, whoever asks.
import { InternalError } from "../../base/errors.ts";
import { OnnxType, type OnnxNode, type OnnxTensor } from "../../formats/onnx/ir.ts";
import { makeTensor } from "../../formats/onnx/make.ts";
import { collectScopes, NameSpace } from "../../model/scopes.ts";
import { findWeights, type Weight } from "../../model/weights.ts";
import { constantZeroPoints, pack, pendingTensor } from "../quantize/onnx/rewrite.ts";
import type { PackedWeight } from "../quantize/packed.ts";
import type { Assignment } from "./assign.ts";
import { biasCodes, biasScales, type BiasShifts } from "./bias.ts";
import { bytesOfFloats } from "./constants.ts";
import { codesOf, codeTypes, parametersFor, type TensorParameters } from "./parameters.ts";
import type { PreparedStatic } from "./prepare.ts";

/** Names of the initializers that make up a tensor of codes. */
export interface CodesNames {
  readonly codes: string;
  readonly scale: string;
  readonly zero: string;
}

export interface WeightNames extends CodesNames {
  /** Axis that scales lie along; absent where one scale serves all. */
  readonly axis?: number;
}

export interface PackedStaticWeight {
  readonly weight: Weight;
  readonly packed: PackedWeight;
}

export class StaticParts {
  readonly names: NameSpace;
  readonly initializers: OnnxTensor[] = [];
  readonly packed: PackedStaticWeight[] = [];
  readonly #prepared: PreparedStatic;
  readonly #assignment: Assignment;
  readonly #shifts: BiasShifts;
  readonly #sourceKey: (weight: Weight) => string;
  readonly #weights: ReadonlyMap<string, Weight>;
  readonly #made = new Map<string, WeightNames>();
  readonly #parameters = new Map<TensorParameters, Omit<CodesNames, "codes">>();

  constructor(
    prepared: PreparedStatic,
    assignment: Assignment,
    shifts: BiasShifts,
    sourceKey: (weight: Weight) => string,
  ) {
    this.names = new NameSpace(collectScopes(prepared.model));
    this.#prepared = prepared;
    this.#assignment = assignment;
    this.#shifts = shifts;
    this.#sourceKey = sourceKey;
    const { weights } = findWeights(prepared.model);
    this.#weights = new Map(
      weights.filter(({ holder }) => holder.path.length === 0).map((weight) => [weight.holder.name, weight]),
    );
  }

  /** @throws InternalError for a tensor without parameters */
  parametersOf(tensor: string): TensorParameters {
    const found = this.#assignment.parameters.get(tensor);
    if (!found) throw new InternalError(`No parameters of "${tensor}".`);
    return found;
  }

  /** Scale and zero point of an activation. */
  scaleOf(tensor: string): Omit<CodesNames, "codes"> {
    return this.#scalars(tensor, this.parametersOf(tensor));
  }

  /** True for a constant that a product takes packed. */
  isWeight(node: OnnxNode, input: number): boolean {
    return input === 1 && this.#prepared.weights.has(node.inputs[1] ?? "");
  }

  isConstant(name: string): boolean {
    return this.#prepared.constants.has(name);
  }

  /** Codes of a constant operand, in its own range. */
  constant(name: string): WeightNames {
    const made = this.#made.get(name);
    if (made) return made;
    const held = this.#prepared.constants.get(name);
    const values = held?.values ?? new Float32Array();
    const { activation, symmetricActivations } = this.#prepared.options;
    const range = { min: Math.min(0, ...values), max: Math.max(0, ...values) };
    const parameters = parametersFor(name, range, activation, symmetricActivations);
    const codes = this.names.fresh(`${name}_quantized`);
    const { onnxType } = codeTypes[activation];
    this.initializers.push(makeTensor(codes, onnxType, held?.dims ?? [], codesOf(values, parameters)));
    const names = { codes, ...this.#scalars(name, parameters) };
    this.#made.set(name, names);
    return names;
  }

  /** Codes of a weight, as the device will deliver them. */
  weight(name: string): WeightNames {
    const made = this.#made.get(name);
    if (made) return made;
    const [weight, own] = [this.#weights.get(name), this.#prepared.weights.get(name)];
    if (!weight || !own) throw new InternalError(`No weight "${name}".`);
    const { perChannel } = this.#prepared.options;
    const symmetric = own.encoding.scheme !== "asymmetric";
    const packed = pack(
      { names: this.names, sourceKey: this.#sourceKey, scaleType: "f32", fullScales: false, narrowings: new Set() },
      {
        weight,
        geometry: { kind: "wide", ...own.shape },
        layout: "natural",
        encoding: own.encoding,
        search: { kind: "absmax" },
        withZeroPoints: !symmetric,
      },
    );
    const type = own.encoding.signed ? OnnxType.INT8 : OnnxType.UINT8;
    const dims = perChannel ? [own.shape.channels] : [];
    const { codes, scales, zeroPoints } = packed.parts;
    const zero = zeroPoints
      ? pendingTensor(zeroPoints.tensor, type, dims, zeroPoints)
      : constantZeroPoints(this.names.fresh(`${name}_zero_point`), type, dims, 8, own.encoding.signed ? 0 : 128);
    this.initializers.push(pendingTensor(codes.tensor, type, weight.dims, codes), zero);
    if (scales) this.initializers.push(pendingTensor(scales.tensor, OnnxType.FLOAT, dims, scales));
    this.packed.push({ weight, packed });
    const names = {
      codes: codes.tensor,
      scale: scales?.tensor ?? "",
      zero: zero.name,
      ...(perChannel ? { axis: own.axis } : {}),
    };
    this.#made.set(name, names);
    return names;
  }

  /** The int32 bias of a product, its correction in it; undefined where it has none. */
  bias(node: OnnxNode): WeightNames | undefined {
    const [input = "", second = "", bias = ""] = node.inputs;
    const weight = this.#prepared.weights.get(second);
    const channels = this.#prepared.constants.get(second)?.dims[weight?.axis ?? 0] ?? 0;
    const shift = node.opType === "MatMul" ? undefined : this.#shifts.get(node.outputs[0] ?? "");
    if (!weight || (bias === "" && !shift)) return undefined;
    const values = this.#prepared.constants.get(bias)?.values;
    const { scale } = this.parametersOf(input);
    const shifted = Float64Array.from({ length: channels }, (_, c) => (values?.[c] ?? 0) + (shift?.[c] ?? 0));
    const plain = Float64Array.from({ length: channels }, (_, c) => values?.[c] ?? 0);
    const codes = biasCodes(shifted, scale, weight.scales) ?? biasCodes(plain, scale, weight.scales);
    const base = bias || `${node.outputs[0]}_bias`;
    const [name, scaleName, zero] = ["quantized", "scale", "zero_point"].map((part) =>
      this.names.fresh(`${base}_${part}`),
    );
    const { perChannel } = this.#prepared.options;
    const scales = biasScales(perChannel ? channels : 1, scale, weight.scales);
    const dims = perChannel ? [channels] : [];
    const made = { codes: name ?? "", scale: scaleName ?? "", zero: zero ?? "" };
    this.initializers.push(
      makeTensor(made.codes, OnnxType.INT32, [channels], new Uint8Array((codes ?? new Int32Array(channels)).buffer)),
      makeTensor(made.scale, OnnxType.FLOAT, dims, bytesOfFloats(scales)),
      makeTensor(made.zero, OnnxType.INT32, dims, new Uint8Array(4 * scales.length)),
    );
    return { ...made, ...(perChannel ? { axis: 0 } : {}) };
  }

  #scalars(base: string, parameters: TensorParameters): Omit<CodesNames, "codes"> {
    const made = this.#parameters.get(parameters);
    if (made) return made;
    const { scale, zeroPoint, type } = parameters;
    const { onnxType, bytes } = codeTypes[type];
    const names = { scale: this.names.fresh(`${base}_scale`), zero: this.names.fresh(`${base}_zero_point`) };
    const zero = bytes === 1 ? Uint8Array.of(zeroPoint & 0xff) : new Uint8Array(Uint16Array.of(zeroPoint).buffer);
    this.initializers.push(
      makeTensor(names.scale, OnnxType.FLOAT, [], bytesOfFloats(Float32Array.of(scale))),
      makeTensor(names.zero, onnxType, [], zero),
    );
    this.#parameters.set(parameters, names);
    return names;
  }
}
