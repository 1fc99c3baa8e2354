// What a static plan needs of the weights, read once: the graph with its batch normalizations folded, the float
// constants, and each weight's scales. All else is pure.
import { UsageError } from "../../base/errors.ts";
import { getInt } from "../../formats/onnx/attributes.ts";
import { OnnxType, type OnnxModel } from "../../formats/onnx/ir.ts";
import type { AffineEncoding } from "../quantize/encoding.ts";
import { readFloatConstants, readFloats, type FloatConstants } from "./constants.ts";
import { foldBatchNorms } from "./fold-batch-norm.ts";
import { staticOperatorOf, type Provider } from "./operators.ts";
import type { ActivationType } from "./parameters.ts";
import { channelAxis, weightEncoding, weightScales, weightShape, type WeightScales } from "./weight-scales.ts";
import type { WeightShape } from "./weight-scales.ts";

export type StaticForm = "qdq" | "qoperator";

export interface StaticOptions {
  /** Default uint8. */
  readonly activation?: ActivationType;
  /** Default qdq. */
  readonly form?: StaticForm;
  /** One scale for each output channel of a weight; default true. */
  readonly perChannel?: boolean;
  /** Default true. */
  readonly symmetricWeights?: boolean;
  /** Default false: ReLU's half of the codes would stay unused. */
  readonly symmetricActivations?: boolean;
  /** Where the file is to run; default cpu. */
  readonly provider?: Provider;
}

export type SettledOptions = Required<StaticOptions>;

export interface PreparedWeight extends WeightScales {
  readonly axis: number;
  readonly shape: WeightShape;
  readonly encoding: AffineEncoding;
}

export interface PreparedStatic {
  /** With batch normalizations folded. */
  readonly model: OnnxModel;
  readonly options: SettledOptions;
  readonly constants: FloatConstants;
  /** By name: constants that a product has as its second input. */
  readonly weights: ReadonlyMap<string, PreparedWeight>;
}

/** Fills in the defaults. @throws UsageError for options that exclude each other */
export function settleOptions(options: StaticOptions): SettledOptions {
  const settled = {
    activation: options.activation ?? "uint8",
    form: options.form ?? "qdq",
    perChannel: options.perChannel ?? true,
    symmetricWeights: options.symmetricWeights ?? true,
    symmetricActivations: options.symmetricActivations ?? false,
    provider: options.provider ?? "cpu",
  } as const;
  if (settled.form === "qoperator" && settled.activation.endsWith("16")) {
    throw new UsageError("Integer operators take 8-bit activations only.", {
      hint: "Choose the QDQ form for 16-bit activations, or 8-bit activations.",
    });
  }
  if (settled.form === "qoperator" && settled.provider === "webgpu") {
    throw new UsageError("onnxruntime's WebGPU provider has no integer operators.", {
      hint: "Choose the QDQ form: it computes in float between the pairs.",
    });
  }
  return settled;
}

/**
 * Reads what a static plan needs.
 * @throws UsageError for clashing options; IoError, FormatError, AbortedError from the source
 */
export async function prepareStatic(
  source: OnnxModel,
  options: StaticOptions = {},
  signal?: AbortSignal,
): Promise<PreparedStatic> {
  const settled = settleOptions(options);
  const model = await foldBatchNorms(source, signal);
  const constants = await readFloatConstants(model, signal);
  const weights = new Map<string, PreparedWeight>();
  for (const node of model.graph.nodes) {
    const name = node.inputs[1] ?? "";
    const held = constants.get(name);
    if (staticOperatorOf(node.domain, node.opType)?.kind !== "product" || !held || held.dims.length < 2) continue;
    const axis = channelAxis(node);
    if (weights.get(name)?.axis === axis) continue;
    const shape = weightShape(held.dims, axis, settled.perChannel);
    const encoding = weightEncoding(settled.activation, settled.symmetricWeights);
    const values = held.values ?? (await readFloats(held.tensor, signal));
    weights.set(name, { axis, shape, encoding, ...weightScales(values, shape, encoding) });
  }
  return { model, options: settled, constants, weights };
}

/** The tensors whose ranges a plan looks at: what calibration has to observe. */
export function observedTensors({ model, constants }: Pick<PreparedStatic, "model" | "constants">): readonly string[] {
  const names = new Set<string>();
  const shapes = shapeValues(model, constants);
  for (const { domain, opType, inputs, outputs } of model.graph.nodes) {
    const operator = staticOperatorOf(domain, opType);
    const clamp = opType === "Relu" || opType === "Clip";
    if (!operator && !clamp) continue;
    const read = operator?.kind === "arithmetic" || operator?.kind === "joining" ? inputs : inputs.slice(0, 1);
    const second = opType === "MatMul" ? inputs.slice(1, 2) : [];
    for (const name of [...read, ...second, ...outputs.slice(0, 1)]) {
      if (name !== "" && !constants.has(name) && !shapes.has(name)) names.add(name);
    }
  }
  return [...names];
}

const makesIntegers: ReadonlySet<string> = new Set(["Shape", "Size", "ArgMax", "ArgMin", "NonZero"]);

/** What is not float: shapes and what is computed with them, mostly. A type is that of the first input. */
function shapeValues({ graph }: OnnxModel, constants: FloatConstants): ReadonlySet<string> {
  const found = new Set(graph.initializers.map(({ name }) => name).filter((name) => !constants.has(name)));
  for (const { name, tensor } of graph.inputs) if (tensor && tensor.dataType !== OnnxType.FLOAT) found.add(name);
  for (const node of graph.nodes) {
    const [output = ""] = node.outputs;
    const isConstant = node.opType === "Constant" && !constants.has(output);
    const cast = node.opType === "Cast" ? getInt(node, "to") !== OnnxType.FLOAT : undefined;
    if (cast ?? (isConstant || makesIntegers.has(node.opType) || found.has(node.inputs[0] ?? ""))) {
      for (const name of node.outputs) found.add(name);
    }
  }
  return found;
}
