// Element types of values in an ONNX graph, where they follow from the operators. Only what a conversion of
// float types needs: an unknown type is undefined, and callers leave such values alone. A sequence or optional of
// tensors has its element type negated, or 0 where that is unknown.
import { OnnxType, type OnnxGraph, type OnnxNode, type ValueInfo } from "../formats/onnx/ir.ts";
import { Field } from "../formats/onnx/schema.ts";

const int64Outputs = new Set(["Shape", "Size", "ArgMax", "ArgMin", "NonZero", "NonMaxSuppression", "SequenceLength"]);
const boolOutputs = new Set([
  "Equal",
  "Greater",
  "Less",
  "GreaterOrEqual",
  "LessOrEqual",
  "And",
  "Or",
  "Not",
  "Xor",
  "IsNaN",
  "IsInf",
  "OptionalHasElement",
]);
const int32Outputs = new Set(["MatMulInteger", "ConvInteger"]);

/** Operators whose output has the type of another input than the first. */
const typedByInput: Readonly<Record<string, number>> = {
  Where: 1,
  OneHot: 2,
  CastLike: 1,
  DequantizeLinear: 1,
  GatherBlockQuantized: 2,
  Range: 0,
  QLinearMatMul: 7,
  QLinearConv: 7,
  QuantizeLinear: 2,
};

/** Operators of the default domain whose float outputs all have the type of their first float input. */
const transparent = new Set(
  (
    "Abs Acos Acosh Add Asin Asinh Atan Atanh AveragePool BatchNormalization Bernoulli Ceil Celu Clip Compress Concat Conv " +
    "ConvTranspose Cos Cosh CumSum DepthToSpace Det Div Dropout Einsum Elu Erf Exp Expand Flatten Floor GRU Gather " +
    "GatherElements GatherND Gelu Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool GridSample GroupNormalization " +
    "HardSigmoid HardSwish Hardmax Identity InstanceNormalization LRN LSTM LayerNormalization LeakyRelu Log LogSoftmax " +
    "LpNormalization LpPool MatMul Max MaxPool MaxRoiPool MaxUnpool Mean MeanVarianceNormalization Min Mish Mod Mul Neg " +
    "PRelu Pad Pow RMSNormalization RNN Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax " +
    "ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize ReverseSequence RoiAlign Round Scatter " +
    "ScatterElements ScatterND Selu Shrink Sigmoid Sign Sin Sinh Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt " +
    "Squeeze Sub Sum Swish Tan Tanh ThresholdedRelu Tile TopK Transpose Trilu Unsqueeze Upsample Attention RotaryEmbedding"
  ).split(" "),
);

/** Operators of com.microsoft that wgslim writes or that transformer exports are made of. */
const transparentContrib = new Set(
  (
    "MatMulNBits MatMulBnb4 FusedMatMul FusedConv FusedGemm Gelu FastGelu BiasGelu QuickGelu SkipLayerNormalization " +
    "SimplifiedLayerNormalization SkipSimplifiedLayerNormalization Attention MultiHeadAttention GroupQueryAttention " +
    "RotaryEmbedding"
  ).split(" "),
);

/** Whether the operator is known to work on f16 in place of f32 throughout. */
export function isFloatTransparent(node: OnnxNode): boolean {
  if (node.domain === "" || node.domain === "ai.onnx") {
    return (
      transparent.has(node.opType) ||
      ["Cast", "ConstantOfShape", "Where", "OneHot", "If"].includes(node.opType) ||
      isFloatFree(node)
    );
  }
  return (
    node.domain === "com.microsoft" && (transparentContrib.has(node.opType) || node.opType === "GatherBlockQuantized")
  );
}

/** Operators that the standard, or onnxruntime on the CPU, has for f32 only in every operator set or form. */
const fullOnly = new Set(["Celu", "IsInf", "MeanVarianceNormalization"]);

/** Whether the operator can run on f16 in place of f32: it is known to, and its form leaves that open. */
export function runsInHalf(node: OnnxNode): boolean {
  if (!isFloatTransparent(node)) return false;
  if (node.domain !== "") return true;
  // Text spells out what f16 would round.
  if (node.opType === "Cast") return intAttribute(node, "to") !== OnnxType.STRING;
  if (node.opType.startsWith("Scatter")) return !node.attributes.some(({ name }) => name === "reduction");
  return !fullOnly.has(node.opType);
}

/** Operators whose outputs carry no float. */
const isFloatFree = (node: OnnxNode): boolean => int64Outputs.has(node.opType) || boolOutputs.has(node.opType);

const intAttribute = (node: OnnxNode, name: string): number | undefined => {
  const value = node.attributes.find((a) => a.name === name)?.value;
  return value?.type === "int" ? Number(value.value) : undefined;
};

export type TypeOf = (name: string) => number | undefined;

export type Types = readonly (number | undefined)[];

type SubgraphTypes = (graph: OnnxGraph, inputs?: Types) => Types;

/**
 * Types of a node's outputs from the types of its inputs.
 * @param typeOf type of a value by name, undefined where unknown
 * @param subgraphTypes types of the outputs of a node's first sub-graph, for If, Loop and Scan
 */
export function outputTypes(node: OnnxNode, typeOf: TypeOf, subgraphTypes: SubgraphTypes): Types {
  const all = (type: number | undefined) => node.outputs.map(() => type);
  const input = (index: number) => typeOf(node.inputs[index] ?? "");
  const { opType } = node;
  if (int64Outputs.has(opType)) return all(OnnxType.INT64);
  if (boolOutputs.has(opType)) return all(OnnxType.BOOL);
  if (int32Outputs.has(opType)) return all(OnnxType.INT32);
  if (opType === "Cast") return all(intAttribute(node, "to"));
  if (opType === "Constant") return all(constantType(node));
  if (opType === "ConstantOfShape") return all(constantType(node) ?? OnnxType.FLOAT);
  if (opType === "DynamicQuantizeLinear") return [OnnxType.UINT8, OnnxType.FLOAT, OnnxType.UINT8];
  if (opType === "RandomNormal" || opType === "RandomUniform")
    return all(intAttribute(node, "dtype") ?? OnnxType.FLOAT);
  if (opType === "EyeLike" || opType === "RandomNormalLike" || opType === "RandomUniformLike") {
    return all(intAttribute(node, "dtype") ?? input(0));
  }
  if (opType === "TopK" || opType === "MaxPool" || opType === "Unique") {
    return node.outputs.map((_, i) => (i === 0 || (opType === "TopK" && i === 0) ? input(0) : OnnxType.INT64));
  }
  if (opType === "Dropout") return node.outputs.map((_, i) => (i === 0 ? input(0) : OnnxType.BOOL));
  if (opType === "If") return ifTypes(node, subgraphTypes);
  if (opType === "Loop" || opType === "Scan") {
    const body = node.attributes.find((a) => a.name === "body")?.value;
    const types = body?.type === "graph" ? subgraphTypes(body.value, bodyInputTypes(node, typeOf)) : [];
    return node.outputs.map((_, i) => types[opType === "Loop" ? i + 1 : i]);
  }
  const held = heldType(node, input);
  if (held !== undefined) return all(held);
  const from = Object.hasOwn(typedByInput, opType) ? typedByInput[opType] : undefined;
  if (from !== undefined) return all(input(from));
  return isFloatTransparent(node) ? all(input(0)) : all(undefined);
}

/** Types of what a Loop or Scan hands to its body, in the order of the body's inputs. */
export function bodyInputTypes(node: OnnxNode, typeOf: TypeOf): Types {
  if (node.opType === "Loop") return [OnnxType.INT64, OnnxType.BOOL, ...node.inputs.slice(2).map(typeOf)];
  return node.opType === "Scan" ? node.inputs.map(typeOf) : [];
}

/** Type of what operators of sequences and optionals give; undefined for other operators. */
function heldType(node: OnnxNode, input: (index: number) => number | undefined): number | undefined {
  const first = input(0);
  const elements = first === undefined ? 0 : -Math.abs(first);
  if (["SequenceConstruct", "SplitToSequence", "Optional"].includes(node.opType)) return elements;
  if (node.opType === "SequenceInsert" || node.opType === "SequenceErase") return elements;
  if (node.opType === "SequenceEmpty") return -(intAttribute(node, "dtype") ?? OnnxType.FLOAT);
  if (node.opType === "SequenceMap") return 0;
  return node.opType === "SequenceAt" || node.opType === "OptionalGetElement"
    ? Math.abs(first ?? 0) || undefined
    : undefined;
}

/** The declared type of a value; 0 for one that is declared to be no tensor; undefined for an empty declaration too. */
export function declaredType({ tensor, unknown }: ValueInfo): number | undefined {
  if (tensor) return tensor.dataType;
  return unknown?.some(({ field, payload }) => field === Field.valueInfo.type && payload.length > emptyMessage)
    ? 0
    : undefined;
}

/** Bytes of a field that holds an empty message: tag and length. */
const emptyMessage = 2;

function ifTypes(node: OnnxNode, subgraphTypes: SubgraphTypes): Types {
  const branch = node.attributes.find((a) => a.name === "then_branch")?.value;
  return branch?.type === "graph" ? subgraphTypes(branch.value) : node.outputs.map(() => undefined);
}

function constantType(node: OnnxNode): number | undefined {
  for (const { name, value } of node.attributes) {
    if (name === "value" && value.type === "tensor") return value.value.dataType;
    if (name === "value_float" || name === "value_floats") return OnnxType.FLOAT;
    if (name === "value_int" || name === "value_ints") return OnnxType.INT64;
    if (name === "value_string" || name === "value_strings") return OnnxType.STRING;
  }
  return undefined;
}

/** Types of a sub-graph's outputs, before its conversion; `given` types the inputs that do not say their own. */
export function graphOutputTypes(graph: OnnxGraph, outer: TypeOf, given: Types = []): Types {
  const known = new Map<string, number | undefined>();
  const typeOf: TypeOf = (name) => (known.has(name) ? known.get(name) : outer(name));
  for (const [i, info] of graph.inputs.entries()) known.set(info.name, declaredType(info) ?? given[i]);
  for (const info of graph.valueInfo) known.set(info.name, declaredType(info));
  for (const tensor of graph.initializers) known.set(tensor.name, tensor.dataType);
  for (const inner of graph.nodes) {
    const types = outputTypes(inner, typeOf, (sub, inputs) => graphOutputTypes(sub, typeOf, inputs));
    for (const [i, name] of inner.outputs.entries()) if (types[i] !== undefined) known.set(name, types[i]);
  }
  return graph.outputs.map((output) => declaredType(output) ?? typeOf(output.name));
}
