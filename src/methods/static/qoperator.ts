// The QOperator form: operators on codes, with scales and zero points as inputs. Smaller graphs, and no optimizer has
// to find the groups; but only runtimes that have these operators can load it. A product whose result only floats
// read becomes MatMulInteger, or QGemm without an output scale.
import { OnnxType, type OnnxNode } from "../../formats/onnx/ir.ts";
import { activationInputs, type AssignedNode, type Assignment } from "./assign.ts";
import { node as makeOp } from "../quantize/onnx/rewrite.ts";
import type { CodesNames, StaticParts } from "./parts.ts";

const listed = ({ codes, scale, zero }: CodesNames): string[] => [codes, scale, zero];

const gemm = (node: OnnxNode, read: readonly string[], outputs: readonly string[]): OnnxNode => ({
  name: node.name,
  opType: "QGemm",
  domain: "com.microsoft",
  attributes: node.attributes.filter(({ name }) => name !== "beta"),
  inputs: read,
  outputs,
});

export function writeQOperator(
  nodes: readonly OnnxNode[],
  inputs: readonly string[],
  { nodes: assigned, dropped, parameters, facts }: Assignment,
  parts: StaticParts,
): readonly OnnxNode[] {
  const made = new Set([...assigned.values()].flatMap(({ output, codesOut }) => (codesOut ? [output] : [])));
  const codes = new Map([...parameters.keys()].map((name) => [name, parts.names.fresh(`${name}_quantized`)]));

  const operand = (name: string): CodesNames =>
    parts.isConstant(name) ? parts.constant(name) : { codes: codes.get(name) ?? "", ...parts.scaleOf(name) };
  const quantize = (name: string): OnnxNode[] => {
    if (!parameters.has(name) || made.has(name)) return [];
    const [tensor = "", ...scales] = listed(operand(name));
    return [makeOp("QuantizeLinear", parts.names.fresh(`${name}_quantize`), [name, ...scales], [tensor])];
  };
  /** For floats that read what an integer node makes. */
  const dequantize = (name: string): OnnxNode[] => {
    const readers = facts.consumers.get(name) ?? [];
    const isRead = facts.bound.has(name) || readers.some((index) => !assigned.has(index) && !dropped.has(index));
    if (!isRead) return [];
    return [makeOp("DequantizeLinear", parts.names.fresh(`${name}_dequantize`), listed(operand(name)), [name])];
  };

  const integer = (own: AssignedNode): OnnxNode[] => {
    const { node, output, codesOut } = own;
    const computed = codesOut ? integerNode(own) : floatProduct(node, output);
    return [...computed, ...(codesOut ? dequantize(output) : [])];
  };
  const integerNode = ({ node, operator, output }: AssignedNode): OnnxNode[] => {
    const { name, attributes } = node;
    const to = operand(output);
    const result = [to.codes];
    if (!operator.integer) {
      const { raw: _, ...rest } = node;
      return [{ ...rest, inputs: [operand(node.inputs[0] ?? "").codes, ...node.inputs.slice(1)], outputs: result }];
    }
    const { opType, domain } = operator.integer;
    const read = activationInputs(node, operator).filter((_, index) => !parts.isWeight(node, index));
    const from = read.map(operand);
    const weight = parts.isWeight(node, 1) ? [parts.weight(node.inputs[1] ?? "")] : [];
    const operands = [...from, ...weight].flatMap(listed);
    const op = (given: readonly string[]): OnnxNode[] => [
      { name, opType, domain, attributes, inputs: given, outputs: result },
    ];
    const scales = [to.scale, to.zero];
    if (operator.kind === "joining") return op([...scales, ...operands]);
    if (operator.kind !== "product" || node.opType === "MatMul") return op([...operands, ...scales]);
    const bias = parts.bias(node)?.codes ?? "";
    if (node.opType === "Conv") return op([...operands, ...scales, ...(bias ? [bias] : [])]);
    return [gemm(node, [...operands, bias, ...scales], result)];
  };
  const floatProduct = (node: OnnxNode, output: string): OnnxNode[] => {
    const [left = "", right = ""] = node.inputs;
    const a = operand(left);
    const b = parts.isWeight(node, 1) ? parts.weight(right) : operand(right);
    if (node.opType === "Gemm")
      return [gemm(node, [...listed(a), ...listed(b), parts.bias(node)?.codes ?? ""], [output])];
    const name = (part: string): string => parts.names.fresh(`${output}_${part}`);
    const [sum, real, scale] = [name("sum"), name("real"), name("product_scale")];
    return [
      makeOp("MatMulInteger", node.name, [a.codes, b.codes, a.zero, b.zero], [sum]),
      makeOp("Cast", name("cast"), [sum], [real], { to: BigInt(OnnxType.FLOAT) }),
      makeOp("Mul", name("scales"), [a.scale, b.scale], [scale]),
      makeOp("Mul", name("rescale"), [real, scale], [output]),
    ];
  };

  return [
    ...inputs.flatMap(quantize),
    ...nodes.flatMap((node, index) => {
      const own = assigned.get(index);
      if (own) return integer(own);
      return dropped.has(index) ? [] : [node, ...node.outputs.flatMap(quantize)];
    }),
  ];
}
