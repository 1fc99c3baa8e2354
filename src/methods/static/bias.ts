// Biases of integer products: int32 in units of input scale times weight scale, the unit of the sums they join. And
// the shifts that bias correction adds to them: rounding a weight moves the mean of what its layer makes, and a bias
// can move it back.
import type { OnnxNode } from "../../formats/onnx/ir.ts";
import { getInt } from "../../formats/onnx/attributes.ts";
import { readFloats } from "./constants.ts";
import { staticOperatorOf } from "./operators.ts";
import { roundHalfEven, type Ranges } from "./parameters.ts";
import type { PreparedStatic, PreparedWeight } from "./prepare.ts";
import { roundingError } from "./weight-scales.ts";

/** Scale of each channel's bias, as runtimes compute it: a product of two f32. */
export const biasScales = (channels: number, inputScale: number, weightScales: Float32Array): Float32Array =>
  Float32Array.from({ length: channels }, (_, c) => inputScale * (weightScales[c] ?? weightScales[0] ?? 1));

/** The codes of a bias; undefined where one does not fit int32. */
export function biasCodes(
  values: ArrayLike<number>,
  inputScale: number,
  weightScales: Float32Array,
): Int32Array | undefined {
  const scales = biasScales(values.length, inputScale, weightScales);
  const codes = Float64Array.from(values, (value, c) => roundHalfEven(value / (scales[c] ?? 1)));
  return codes.every((code) => Math.abs(code) < 2 ** 30) ? Int32Array.from(codes) : undefined;
}

/** What is added to the bias of the product that makes a tensor, a value for each channel. */
export type BiasShifts = ReadonlyMap<string, ArrayLike<number>>;

/**
 * Shifts from the weights' rounding errors and the mean of each input channel (`channelMeans` of its range): exact
 * for products, and for convolutions but for their padding.
 */
export async function analyticShifts(
  prepared: PreparedStatic,
  ranges: Ranges,
  signal?: AbortSignal,
): Promise<BiasShifts> {
  const shifts = new Map<string, Float64Array>();
  for (const node of prepared.model.graph.nodes) {
    const weight = prepared.weights.get(node.inputs[1] ?? "");
    const held = prepared.constants.get(node.inputs[1] ?? "");
    const means = ranges.get(node.inputs[0] ?? "")?.channelMeans;
    if (staticOperatorOf(node.domain, node.opType)?.kind !== "product" || !weight || !held || !means) continue;
    const values = held.values ?? (await readFloats(held.tensor, signal));
    shifts.set(node.outputs[0] ?? "", shiftOf(node, held.dims, values, weight, means));
  }
  return shifts;
}

function shiftOf(
  node: OnnxNode,
  dims: readonly number[],
  values: Float32Array,
  weight: PreparedWeight,
  means: ArrayLike<number>,
): Float64Array {
  const { axis } = weight;
  const channels = dims[axis] ?? 1;
  const inner = dims.slice(axis + 1).reduce((product, dim) => product * dim, 1);
  const groups = node.opType === "Conv" ? getInt(node, "group", 1) : 1;
  const perGroup = node.opType === "Conv" ? (dims[1] ?? 1) : (dims[1 - axis] ?? 1);
  const taps = node.opType === "Conv" ? inner / perGroup : 1;
  const shift = new Float64Array(channels);
  for (let i = 0; i < values.length; i++) {
    const channel = Math.floor(i / inner) % channels;
    const within = axis === 0 ? Math.floor((i % inner) / taps) : Math.floor(i / channels);
    const group = Math.floor(channel / (channels / groups));
    const scaled = weight.scales.length > 1 ? channel : 0;
    const error = roundingError(values[i] ?? 0, scaled, weight, weight.encoding);
    shift[channel] = (shift[channel] ?? 0) - error * (means[group * perGroup + within] ?? 0);
  }
  return shift;
}

/** Shifts that bring each tensor's measured channel means back to those of the float model. */
export function measuredShifts(
  float: ReadonlyMap<string, ArrayLike<number>>,
  quantized: ReadonlyMap<string, ArrayLike<number>>,
): BiasShifts {
  const shifts = new Map<string, Float64Array>();
  for (const [name, means] of float) {
    const found = quantized.get(name);
    if (found)
      shifts.set(
        name,
        Float64Array.from(means, (mean, c) => mean - (found[c] ?? mean)),
      );
  }
  return shifts;
}
