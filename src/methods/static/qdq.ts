// The QDQ form: every operator stays as it is, between DequantizeLinear on what it reads and QuantizeLinear on what it
// makes. Runtimes with integer kernels fuse the groups, others compute in float and get the same answers.
//
// A value that an integer node makes is read decoded by everyone, or its node would have two results and could not be
// fused; one that a float node makes is read as it is by floats.
import type { OnnxNode } from "../../formats/onnx/ir.ts";
import { node as makeOp } from "../quantize/onnx/rewrite.ts";
import type { AssignedNode, Assignment } from "./assign.ts";
import type { StaticParts, WeightNames } from "./parts.ts";

const contrib = "com.microsoft";

/** @param domain of the conversions of activations: onnxruntime's own takes 16 bits at any operator set */
export function writeQdq(
  nodes: readonly OnnxNode[],
  inputs: readonly string[],
  { nodes: assigned, dropped, parameters }: Assignment,
  parts: StaticParts,
  domain: "" | typeof contrib,
): readonly OnnxNode[] {
  const made = new Set([...assigned.values()].flatMap(({ output, codesOut }) => (codesOut ? [output] : [])));
  const decoded = new Map<string, string>();
  const constants = new Map<string, string>();

  const convert = (from: string, tensor: string, to: string): OnnxNode[] => {
    const { scale, zero } = parts.scaleOf(tensor);
    const codes = parts.names.fresh(`${tensor}_quantized`);
    const name = (suffix: string): string => parts.names.fresh(`${tensor}_${suffix}`);
    return [
      makeOp("QuantizeLinear", name("quantize"), [from, scale, zero], [codes], {}, domain),
      makeOp("DequantizeLinear", name("dequantize"), [codes, scale, zero], [to], {}, domain),
    ];
  };
  /** For readers in integers, of what floats made. */
  const convertCopy = (tensor: string): OnnxNode[] => {
    if (!parameters.has(tensor) || made.has(tensor)) return [];
    const copy = parts.names.fresh(`${tensor}_dequantized`);
    decoded.set(tensor, copy);
    return convert(tensor, tensor, copy);
  };
  const constant = (name: string, names: WeightNames, into: OnnxNode[], of = domain): string => {
    const known = constants.get(names.codes);
    if (known) return known;
    const output = parts.names.fresh(`${name}_dequantized`);
    const attributes = names.axis === undefined ? {} : { axis: BigInt(names.axis) };
    const id = parts.names.fresh(`${name}_dequantize`);
    into.push(makeOp("DequantizeLinear", id, [names.codes, names.scale, names.zero], [output], attributes, of));
    constants.set(names.codes, output);
    return output;
  };
  const integer = ({ node, operator, output, codesOut }: AssignedNode): OnnxNode[] => {
    const before: OnnxNode[] = [];
    const read = node.inputs.map((name, index) => {
      if (operator.kind === "product" && index === 2) return name;
      if (operator.kind === "product" && parts.isWeight(node, index)) {
        return constant(name, parts.weight(name), before, "");
      }
      if (operator.kind !== "moving" && parts.isConstant(name)) return constant(name, parts.constant(name), before);
      if (made.has(name)) return name;
      return decoded.get(name) ?? name;
    });
    const bias = operator.kind === "product" ? parts.bias(node) : undefined;
    if (bias) read[2] = constant(node.inputs[2] || `${node.outputs[0]}_bias`, bias, before, "");
    const { raw: _, ...rest } = node;
    if (!codesOut) return [...before, { ...rest, inputs: read }];
    const raw = parts.names.fresh(`${node.outputs[0]}_float`);
    return [...before, { ...rest, inputs: read, outputs: [raw] }, ...convert(raw, output, output)];
  };

  return [
    ...inputs.flatMap(convertCopy),
    ...nodes.flatMap((node, index) => {
      const own = assigned.get(index);
      if (own) return integer(own);
      return dropped.has(index) ? [] : [node, ...node.outputs.flatMap(convertCopy)];
    }),
  ];
}
