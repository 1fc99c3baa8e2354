// Rewrites a float model to the QDQ graph that fake-quant rules stand for: QuantizeLinear and DequantizeLinear behind
// activations and constants, so that onnxruntime computes on real integers.
import { lowestCode } from "../../src/kernels/quantize/affine-rule.ts";
import { OnnxType, type OnnxModel, type OnnxNode, type OnnxTensor } from "../../src/formats/onnx/ir.ts";
import { makeTensor, makeValueInfo } from "../../src/formats/onnx/make.ts";
import { floatTensor, op, type PlainAttributes } from "./onnx-models.ts";

/** One tensor's integers: all of it, an axis of it, or blocks along an axis. */
export interface Quantized {
  readonly tensor: string;
  readonly format: "int8" | "uint8" | "int16" | "uint16" | "int4" | "uint4";
  readonly scale: readonly number[];
  readonly zero?: readonly number[];
  /** Where there is more than one scale. */
  readonly axis?: number;
  /** Blocks along the axis; `scaleDims` are then the dims of scales. */
  readonly block?: number;
  readonly scaleDims?: readonly number[];
}

const types = {
  int8: OnnxType.INT8,
  uint8: OnnxType.UINT8,
  int16: OnnxType.INT16,
  uint16: OnnxType.UINT16,
  int4: OnnxType.INT4,
  uint4: OnnxType.UINT4,
} as const;

const bitsOf = (format: Quantized["format"]): number => Number(/\d+/.exec(format)?.[0]);

function codesTensor(
  name: string,
  format: Quantized["format"],
  dims: readonly number[],
  codes: readonly number[],
): OnnxTensor {
  const bits = bitsOf(format);
  const bytes = new Uint8Array(Math.ceil((codes.length * bits) / 8));
  for (const [i, code] of codes.entries()) {
    if (bits === 4) bytes[i >> 1] = (bytes[i >> 1] ?? 0) | ((code & 15) << (4 * (i & 1)));
    else for (let byte = 0; byte < bits / 8; byte++) bytes[(i * bits) / 8 + byte] = (code >> (8 * byte)) & 255;
  }
  return makeTensor(name, types[format], dims, bytes);
}

/** The suffix of what stands for a tensor. */
export const behind = (tensor: string): string => `${tensor}.dq`;

/** The model on integers. All that is quantized is given as an output too, as `behind` names it. */
export function withPairs(model: OnnxModel, quantized: readonly Quantized[]): OnnxModel {
  const { graph } = model;
  const initializers: OnnxTensor[] = [...graph.initializers];
  const pairs = new Map<string, OnnxNode[]>();
  for (const { tensor, format, scale, zero, axis, block, scaleDims } of quantized) {
    const dims = scaleDims ?? (scale.length === 1 ? [] : [scale.length]);
    const [scaleName, zeroName, codes] = [`${tensor}.scale`, `${tensor}.zero`, `${tensor}.codes`];
    initializers.push(floatTensor(scaleName, dims, scale));
    initializers.push(codesTensor(zeroName, format, dims, scale.map((_, i) => zero?.[zero.length === 1 ? 0 : i] ?? 0))); // prettier-ignore
    const attributes: PlainAttributes = {
      ...(axis === undefined ? {} : { axis: BigInt(axis) }),
      ...(block === undefined ? {} : { block_size: BigInt(block) }),
    };
    pairs.set(tensor, [
      op("QuantizeLinear", [tensor, scaleName, zeroName], [codes], attributes),
      op("DequantizeLinear", [codes, scaleName, zeroName], [behind(tensor)], attributes),
    ]);
  }
  const taken = (name: string): string => (pairs.has(name) ? behind(name) : name);
  const made = new Set([...graph.inputs, ...graph.initializers].map(({ name }) => name));
  const nodes = [...pairs].flatMap(([tensor, pair]) => (made.has(tensor) ? pair : []));
  for (const node of graph.nodes) {
    const { raw: _, ...rest } = node;
    nodes.push({ ...rest, inputs: node.inputs.map(taken) });
    for (const output of node.outputs) nodes.push(...(pairs.get(output) ?? []));
  }
  const outputs = [
    ...graph.outputs.filter(({ name }) => !pairs.has(name)),
    ...quantized.map(({ tensor }) => makeValueInfo(behind(tensor), OnnxType.FLOAT)),
  ];
  return { ...model, graph: { ...graph, initializers, nodes, outputs } };
}

/** Scales and zero points that span given values, symmetric for signed formats. */
export function spanning(
  format: Quantized["format"],
  groups: readonly ArrayLike<number>[],
): Pick<Quantized, "scale" | "zero"> {
  const bits = bitsOf(format);
  const signed = format.startsWith("int");
  const found = groups.map((values) => {
    let [low, high] = [0, 0];
    for (const value of Array.from(values)) [low, high] = [Math.min(low, value), Math.max(high, value)];
    const span = signed ? Math.max(-low, high) / (2 ** (bits - 1) - 1) : (high - low) / (2 ** bits - 1);
    const scale = Math.fround(span || 1);
    return { scale, zero: signed ? 0 : Math.round(-low / scale) + lowestCode({ bits, signed }) };
  });
  return { scale: found.map(({ scale }) => scale), zero: found.map(({ zero }) => zero) };
}
