// Which operators become integer operators, and where. What a provider has no integer kernel for is better left float:
// a pair of QuantizeLinear and DequantizeLinear around it costs time and precision and buys nothing. The lists follow
// onnxruntime's kernel registrations and the node units that its optimizer fuses; they are data, so that a new
// release asks for one line here.

export type Provider = "cpu" | "webgpu" | "wasm";

export const providers: readonly Provider[] = ["cpu", "webgpu", "wasm"];

/**
 * product     multiplies activations with a weight or with activations, adds an int32 bias
 * arithmetic  computes with all its inputs in their own scales
 * pooling     one input, one output, each in its own scale
 * moving      hands its first input's elements on, so the output keeps their scale
 * joining     hands all its inputs' elements on
 */
export type OperatorKind = "product" | "arithmetic" | "pooling" | "moving" | "joining";

export interface StaticOperator {
  readonly kind: OperatorKind;
  /** What computes on codes in the QOperator form; absent where the float operator takes codes as well. */
  readonly integer?: { readonly opType: string; readonly domain: "" | "com.microsoft" };
  /** Why it is quantized. */
  readonly reason: string;
  /** Providers that have it in integers, where those are not all that compute in integers. */
  readonly providers: readonly Provider[];
}

const contrib = "com.microsoft";
const everywhere = providers;
/** The wasm build carries the CPU provider's kernels. */
const integerKernels: readonly Provider[] = ["cpu", "wasm"];

const moving = (reason: string): StaticOperator => ({ kind: "moving", reason, providers: integerKernels });

/** By operator type, all of the default domain. */
export const staticOperators: Readonly<Record<string, StaticOperator>> = {
  Conv: {
    kind: "product",
    integer: { opType: "QLinearConv", domain: "" },
    reason: "fused into QLinearConv; on WebGPU its weight stays packed until DequantizeLinear",
    providers: everywhere,
  },
  MatMul: {
    kind: "product",
    integer: { opType: "QLinearMatMul", domain: "" },
    reason: "fused into QLinearMatMul, or MatMulIntegerToFloat where floats read the product",
    providers: everywhere,
  },
  Gemm: {
    kind: "product",
    integer: { opType: "QGemm", domain: contrib },
    reason: "fused into QGemm with its bias",
    providers: everywhere,
  },
  Add: {
    kind: "arithmetic",
    integer: { opType: "QLinearAdd", domain: contrib },
    reason: "fused into QLinearAdd: residual sums stay integers",
    providers: integerKernels,
  },
  Mul: {
    kind: "arithmetic",
    integer: { opType: "QLinearMul", domain: contrib },
    reason: "fused into QLinearMul: gates stay integers",
    providers: integerKernels,
  },
  AveragePool: {
    kind: "pooling",
    integer: { opType: "QLinearAveragePool", domain: contrib },
    reason: "fused into QLinearAveragePool",
    providers: integerKernels,
  },
  GlobalAveragePool: {
    kind: "pooling",
    integer: { opType: "QLinearGlobalAveragePool", domain: contrib },
    reason: "fused into QLinearGlobalAveragePool",
    providers: integerKernels,
  },
  LeakyRelu: {
    kind: "pooling",
    integer: { opType: "QLinearLeakyRelu", domain: contrib },
    reason: "fused into QLinearLeakyRelu, a table of 256 entries",
    providers: integerKernels,
  },
  Sigmoid: {
    kind: "pooling",
    integer: { opType: "QLinearSigmoid", domain: contrib },
    reason: "fused into QLinearSigmoid, a table of 256 entries",
    providers: integerKernels,
  },
  Concat: {
    kind: "joining",
    integer: { opType: "QLinearConcat", domain: contrib },
    reason: "fused into QLinearConcat; a copy where all its scales are one",
    providers: integerKernels,
  },
  MaxPool: moving("compares codes as it compares reals"),
  Reshape: moving("moves codes"),
  Flatten: moving("moves codes"),
  Squeeze: moving("moves codes"),
  Unsqueeze: moving("moves codes"),
  Transpose: moving("moves codes"),
  Identity: moving("moves codes"),
};

/** Operators that are left float on purpose, with the reason that reports give. */
export const floatReasons: Readonly<Record<string, string>> = {
  Softmax: "sums of exponentials need more than 8 bits",
  LayerNormalization: "a norm of 8-bit codes loses what it is to restore",
  ConvTranspose: "onnxruntime has no integer kernel for it",
  LSTM: "a recurrent state would add up its rounding; --format dynamic-int8 fits it",
  GRU: "a recurrent state would add up its rounding",
  RNN: "a recurrent state would add up its rounding",
};

/** Clamps that the ends of the codes can do in their producer's stead. */
export const clampOperators: ReadonlySet<string> = new Set(["Relu", "Clip"]);

/** The table's entry for a node, if it has one. */
export const staticOperatorOf = (domain: string, opType: string): StaticOperator | undefined =>
  (domain === "" || domain === "ai.onnx") && Object.hasOwn(staticOperators, opType)
    ? staticOperators[opType]
    : undefined;
