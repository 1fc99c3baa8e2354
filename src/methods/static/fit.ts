// Whether a node can compute in integers, and if not, why not.
import { getFloat, getInt } from "../../formats/onnx/attributes.ts";
import type { OnnxNode } from "../../formats/onnx/ir.ts";
import type { FloatConstants } from "./constants.ts";
import { biasCodes } from "./bias.ts";
import type { StaticOperator } from "./operators.ts";
import { expectedSqnrDb, parametersFor, type Ranges } from "./parameters.ts";
import type { PreparedStatic } from "./prepare.ts";

interface Asked {
  readonly node: OnnxNode;
  readonly operator: StaticOperator;
  readonly output: string;
  readonly limit: number;
}

/** Why a node stays float; undefined where it need not. */
export function unfitReason(prepared: PreparedStatic, ranges: Ranges, asked: Asked): string | undefined {
  const { node, operator, output, limit } = asked;
  const { provider, activation } = prepared.options;
  if (!operator.providers.includes(provider)) {
    return `the ${provider} provider computes ${node.opType} in float: conversions around it would gain nothing`;
  }
  if (operator.kind !== "product" && activation.endsWith("16")) {
    return "16-bit codes have integer kernels nowhere: only products take them";
  }
  const read = operator.kind === "product" || operator.kind === "moving" ? node.inputs.slice(0, 1) : node.inputs;
  const second =
    operator.kind === "product" && !prepared.weights.has(node.inputs[1] ?? "") ? [node.inputs[1] ?? ""] : [];
  const needed = [...read, ...second, ...(operator.kind === "moving" ? [] : [output])];
  for (const name of needed) {
    const reason = prepared.constants.has(name)
      ? constantReason(prepared.constants, name, operator)
      : tensorReason(prepared, ranges, name, limit);
    if (reason) return reason;
  }
  return operator.kind === "product" ? productReason(prepared, ranges, node) : undefined;
}

function constantReason(constants: FloatConstants, name: string, { kind }: StaticOperator): string | undefined {
  if (kind !== "arithmetic" && kind !== "joining") return `"${name}" is a constant`;
  return constants.get(name)?.values ? undefined : `"${name}" is a large constant`;
}

function tensorReason(prepared: PreparedStatic, ranges: Ranges, name: string, limit: number): string | undefined {
  const range = ranges.get(name);
  if (!range) return `no range of "${name}": it is no float tensor, or calibration did not see it`;
  const { activation, symmetricActivations } = prepared.options;
  const sqnr = expectedSqnrDb(range, parametersFor(name, range, activation, symmetricActivations));
  return sqnr !== undefined && sqnr < limit
    ? `sensitive: ${activation} codes of "${name}" would keep ${sqnr.toFixed(1)} dB, less than ${limit} dB`
    : undefined;
}

function productReason({ weights, constants, options, model }: PreparedStatic, ranges: Ranges, node: OnnxNode) {
  const [input = "", second = "", bias = ""] = node.inputs;
  const weight = weights.get(second);
  if (!weight) return node.opType === "MatMul" ? undefined : `its weight "${second}" is no float32 constant`;
  if (node.opType !== "Conv" && constants.get(second)?.dims.length !== 2) return "its weight is not a matrix";
  if (constants.get(second)?.dims.includes(0)) return "its weight is empty";
  if (node.opType === "Gemm") {
    if (getFloat(node, "alpha", 1) !== 1 || (bias && getFloat(node, "beta", 1) !== 1))
      return "its alpha or beta is not 1";
    if (getInt(node, "transA", 0) !== 0) return "its activations are transposed";
  }
  // One set of codes serves all uses; a use that wants floats would keep a second copy of the weight.
  if (model.graph.nodes.some((other) => other !== node && other.inputs.includes(second) && !sameUse(node, other))) {
    return `its weight "${second}" is used in other ways too`;
  }
  if (!bias) return undefined;
  const range = ranges.get(input);
  const values = constants.get(bias)?.values;
  const channels = constants.get(second)?.dims[weight.axis];
  if (!values || values.length !== channels) return `its bias "${bias}" is no constant with a value for each channel`;
  if (!range) return undefined;
  const { scale } = parametersFor(input, range, options.activation, options.symmetricActivations);
  return biasCodes(values, scale, weight.scales) ? undefined : "its bias does not fit 32 bits at its weights' scale";
}

const sameUse = (a: OnnxNode, b: OnnxNode): boolean =>
  a.opType === b.opType &&
  a.domain === b.domain &&
  a.inputs[1] === b.inputs[1] &&
  getInt(a, "transB", 0) === getInt(b, "transB", 0);

/** Between which values a Relu or Clip keeps its input; undefined where they are not constant. */
export function clampRange(node: OnnxNode, constants: FloatConstants): readonly [number, number] | undefined {
  if (node.opType === "Relu") return [0, Infinity];
  const end = (index: number, name: string, otherwise: number): number | undefined => {
    const input = node.inputs[index];
    return input ? constants.get(input)?.values?.[0] : getFloat(node, name, otherwise);
  };
  const [low, high] = [end(1, "min", -Infinity), end(2, "max", Infinity)];
  return low === undefined || high === undefined ? undefined : [low, high];
}
