// Operators on single elements: functions, arithmetic, comparisons, logic, casts and selection.
import { onnxTypeName } from "../../formats/onnx/dtypes.ts";
import { OnnxType } from "../../formats/onnx/ir.ts";
import { activationKinds } from "../../kernels/nn/activation.ts";
import type { BinaryOp } from "../../kernels/nn/binary.ts";
import { selectCall } from "../../kernels/nn/select.ts";
import type { UnaryOp } from "../../kernels/nn/unary.ts";
import type { GraphBuilder } from "../builder.ts";
import type { Lowering, NodeContext } from "../node-context.ts";
import { isFloatType, sizeOf, wordTypeOf, type Value } from "../values.ts";
import { binary, unary } from "./shared.ts";

type Constants = (ctx: NodeContext) => { readonly a?: number; readonly b?: number };

/** A function of floats; `int` is the one for integers, where there is one. */
const real =
  (op: UnaryOp, constants: Constants = () => ({}), int?: UnaryOp): Lowering =>
  (ctx) => {
    const x = ctx.input(0);
    if (isFloatType(x.type)) return [activated(ctx, x, op, constants(ctx))];
    if (!int) throw ctx.unsupported(`it is not defined for ${onnxTypeName(x.type)}.`, "Cast the input to float.");
    return [unary(ctx.b, int, x, constants(ctx))];
  };

/** A function of floats, in the kernel that made its input where that one can take it in. */
function activated(ctx: NodeContext, x: Value, op: UnaryOp, constants: { a?: number; b?: number }): Value {
  const kind = activationKinds.find((each) => each === op);
  const fused = kind && ctx.fusion(0)?.activate?.({ kind, ...constants });
  return fused ?? unary(ctx.b, op, x, constants);
}

const wrapBits: Readonly<Record<number, readonly [UnaryOp, number]>> = {
  [OnnxType.INT16]: ["wrapSigned", 16],
  [OnnxType.INT8]: ["wrapSigned", 8],
  [OnnxType.UINT16]: ["wrapUnsigned", 16],
  [OnnxType.UINT8]: ["wrapUnsigned", 8],
};

/** Brings words back into the range of a narrow type; half floats are kept in full precision. */
export function keepType(b: GraphBuilder, x: Value): Value {
  const wrap = wrapBits[x.type];
  return wrap ? unary(b, wrap[0], x, { a: wrap[1] }) : x;
}

interface Arithmetic {
  readonly real?: BinaryOp;
  readonly int?: BinaryOp;
  readonly uint?: BinaryOp;
}

function pick(ctx: NodeContext, type: number, { real: f, int, uint }: Arithmetic): BinaryOp {
  const word = wordTypeOf(type);
  const op = word === "f32" ? f : word === "u32" ? (uint ?? int) : int;
  if (op) return op;
  throw ctx.unsupported(`it is not defined for ${onnxTypeName(type)}.`, "Cast the inputs.");
}

/** An operator of two or more inputs of one type that gives that type. */
const arithmetic =
  (ops: Arithmetic | ((ctx: NodeContext) => Arithmetic)): Lowering =>
  (ctx) => {
    const [first, ...rest] = ctx.inputs();
    if (!first) throw ctx.mismatch("it has no inputs.");
    const op = pick(ctx, first.type, typeof ops === "function" ? ops(ctx) : ops);
    const fused = op === "add" ? biasedSum(ctx) : undefined;
    if (fused) return [fused];
    let y = first;
    for (const given of rest) {
      const z = aligned(ctx, y, given);
      y = keepType(ctx.b, binary(ctx.b, op, y, z, ctx.broadcast(y.dims, z.dims)));
    }
    return [y];
  };

/** Operator sets before 7 broadcast by attribute, along a given axis: the second operand with its dims in place. */
function aligned(ctx: NodeContext, x: Value, z: Value): Value {
  const axis = ctx.opset < 7 ? ctx.int("axis") : undefined;
  if (axis === undefined) return z;
  const behind = x.dims.length - ctx.axis(axis, x.dims.length) - z.dims.length;
  return ctx.b.reshape(z, [...z.dims, ...Array.from<number>({ length: Math.max(0, behind) }).fill(1)]);
}

/** The sum of two inputs where one is a constant that the kernel behind the other can add. */
function biasedSum(ctx: NodeContext): Value | undefined {
  if (ctx.inputCount !== 2 || (ctx.opset < 7 && ctx.int("axis") !== undefined)) return undefined;
  for (const [at, other] of [
    [0, 1],
    [1, 0],
  ] as const) {
    const bias = ctx.input(other);
    const fused = ctx.b.isConstant(bias) ? ctx.fusion(at)?.add?.(bias) : undefined;
    if (fused) return fused;
  }
  return undefined;
}

const comparison =
  (ops: Arithmetic): Lowering =>
  (ctx) => {
    const x = ctx.input(0);
    const z = aligned(ctx, x, ctx.input(1));
    return [binary(ctx.b, pick(ctx, x.type, ops), x, z, ctx.broadcast(x.dims, z.dims), OnnxType.BOOL)];
  };

const logic = (op: BinaryOp): Lowering => comparison({ int: op });

const pow: Lowering = (ctx) => {
  const [x, z] = [ctx.input(0), ctx.input(1)];
  const dims = ctx.broadcast(x.dims, z.dims);
  if (isFloatType(x.type)) return [binary(ctx.b, isFloatType(z.type) ? "pow" : "powInt", x, z, dims)];
  const exponent = isFloatType(z.type) ? unary(ctx.b, "realToInt", z, { type: OnnxType.INT32 }) : z;
  return [keepType(ctx.b, binary(ctx.b, "intPow", x, exponent, dims))];
};

const clip: Lowering = (ctx) => {
  const x = ctx.input(0);
  const bound = (index: number, name: string): number | Value | undefined => {
    const value = ctx.optional(index);
    return value ? (ctx.b.hostOf(value)?.data[0] ?? value) : ctx.float(name);
  };
  const [low, high] = [bound(1, "min"), bound(2, "max")];
  const fixed = (side: typeof low): side is number | undefined => typeof side !== "object";
  if (fixed(low) && fixed(high)) {
    const most = isFloatType(x.type) ? 3.4028234663852886e38 : 2 ** 31 - 1;
    const op = isFloatType(x.type) ? "clip" : "intClip";
    const within = (side: number): number => Math.min(Math.max(side, -most), most);
    // f32 params round large integers, so bounds beyond 2^24 are the type's own.
    const bounds = { a: within(low ?? -most), b: within(high ?? most) };
    return [op === "clip" ? activated(ctx, x, op, bounds) : unary(ctx.b, op, x, bounds)];
  }
  let y = x;
  for (const [side, ops] of [
    [low, { real: "max", int: "intMax", uint: "uintMax" }],
    [high, { real: "min", int: "intMin", uint: "uintMin" }],
  ] as const) {
    const value = typeof side === "number" ? ctx.b.scalar(side, x.type) : side;
    if (value) y = binary(ctx.b, pick(ctx, x.type, ops), y, value, x.dims);
  }
  return [y];
};

/** Casts by way of the word: f32, i32 or u32, then the narrow type's own rounding or wrapping. */
export function castTo(b: GraphBuilder, x: Value, type: number): Value {
  const [from, to] = [wordTypeOf(x.type), wordTypeOf(type)];
  if (x.type === type) return x;
  if (type === OnnxType.BOOL) return unary(b, from === "f32" ? "realToBool" : "intToBool", x, { type });
  if (to === "f32") {
    const y = from === "f32" ? b.retype(x, type) : unary(b, from === "u32" ? "uintToReal" : "intToReal", x, { type });
    if (type === OnnxType.FLOAT16 && x.type !== OnnxType.FLOAT16) return unary(b, "roundHalf", y, { type });
    if (type === OnnxType.BFLOAT16) return unary(b, "roundBfloat", y, { type });
    return y;
  }
  const y = from === "f32" ? unary(b, to === "u32" ? "realToUint" : "realToInt", x, { type }) : b.retype(x, type);
  return keepType(b, y);
}

const cast: Lowering = (ctx) => {
  const type = ctx.int("to");
  if (type === undefined) throw ctx.mismatch("it has no attribute to.");
  return [castTo(ctx.b, ctx.input(0), type)];
};

const where: Lowering = (ctx) => {
  const [condition, x, z] = [ctx.input(0), ctx.input(1), ctx.input(2)];
  const dims = ctx.broadcast(condition.dims, x.dims, z.dims);
  const y = ctx.b.temp(x.type, dims);
  ctx.b.emit(selectCall({ condition: condition.dims, a: x.dims, b: z.dims, y: dims }), [condition, x, z, y]);
  return [y];
};

const boolOf =
  (op: UnaryOp, constants: Constants = () => ({})): Lowering =>
  (ctx) => [unary(ctx.b, op, ctx.input(0), { ...constants(ctx), type: OnnxType.BOOL })];

const mean: Lowering = (ctx) => {
  const [sum] = arithmetic({ real: "add" })(ctx);
  return [sum && unary(ctx.b, "affine", sum, { a: 1 / ctx.inputs().length })];
};

const shift: Lowering = (ctx) => {
  const op = ctx.text("direction") === "LEFT" ? "shiftLeft" : "shiftRight";
  const [x, z] = [ctx.input(0), ctx.input(1)];
  return [keepType(ctx.b, binary(ctx.b, op, x, z, ctx.broadcast(x.dims, z.dims)))];
};

const gelu: Lowering = (ctx) => real(ctx.text("approximate") === "tanh" ? "geluTanh" : "gelu")(ctx);

const alpha =
  (otherwise: number): Constants =>
  (ctx) => ({ a: ctx.float("alpha", otherwise) });

/** Adds a bias, then applies a function: com.microsoft's fused forms. */
const biased =
  (op: UnaryOp): Lowering =>
  (ctx) => {
    const [x, bias] = [ctx.input(0), ctx.optional(1)];
    const sum = bias ? binary(ctx.b, "add", x, bias, ctx.broadcast(x.dims, bias.dims)) : x;
    return [unary(ctx.b, op, sum)];
  };

const dropout: Lowering = (ctx) => {
  const training = ctx.optional(2);
  const isTraining = training !== undefined && ctx.b.hostOf(training)?.data[0] !== 0;
  const ratio = ctx.optional(1) ? ctx.b.hostOf(ctx.input(1))?.data[0] : 0.5;
  if (isTraining && ratio !== 0) {
    throw ctx.unsupported("it drops elements at random.", "Export the model for inference.");
  }
  return [ctx.input(0), ctx.wants(1) ? onesLike(ctx) : undefined];
};

export const elementwise: Readonly<Record<string, Lowering>> = {
  Abs: real("abs", undefined, "intAbs"),
  Neg: real("neg", undefined, "intNeg"),
  Sign: real("sign", undefined, "intSign"),
  Ceil: real("ceil"),
  Floor: real("floor"),
  Round: real("round"),
  Sqrt: real("sqrt"),
  Reciprocal: real("reciprocal"),
  Exp: real("exp"),
  Log: real("log"),
  Sin: real("sin"),
  Cos: real("cos"),
  Tan: real("tan"),
  Asin: real("asin"),
  Acos: real("acos"),
  Atan: real("atan"),
  Sinh: real("sinh"),
  Cosh: real("cosh"),
  Asinh: real("asinh"),
  Acosh: real("acosh"),
  Atanh: real("atanh"),
  Erf: real("erf"),
  Softplus: real("softplus"),
  Softsign: real("softsign"),
  Mish: real("mish"),
  Relu: real("relu"),
  Sigmoid: real("sigmoid"),
  Tanh: real("tanh"),
  HardSwish: real("hardSwish"),
  HardSigmoid: real("hardSigmoid", (ctx) => ({ a: ctx.float("alpha", 0.2), b: ctx.float("beta", 0.5) })),
  LeakyRelu: real("leakyRelu", alpha(0.01)),
  Elu: real("elu", alpha(1)),
  Celu: real("celu", alpha(1)),
  Swish: real("swish", alpha(1)),
  ThresholdedRelu: real("thresholdedRelu", alpha(1)),
  Selu: real("selu", (ctx) => ({
    a: ctx.float("alpha", 1.67326319217681884765625),
    b: ctx.float("gamma", 1.05070102214813232421875),
  })),
  Shrink: real("shrink", (ctx) => ({ a: ctx.float("lambd", 0.5), b: ctx.float("bias", 0) })),
  Gelu: gelu,
  Not: boolOf("not"),
  IsNaN: boolOf("isNan"),
  IsInf: boolOf("isInf", (ctx) => ({ a: ctx.int("detect_negative", 1), b: ctx.int("detect_positive", 1) })),
  BitwiseNot: (ctx) => [keepType(ctx.b, unary(ctx.b, "bitwiseNot", ctx.input(0)))],
  Add: arithmetic({ real: "add", int: "intAdd" }),
  Sub: arithmetic({ real: "sub", int: "intSub" }),
  Mul: arithmetic({ real: "mul", int: "intMul" }),
  Div: arithmetic({ real: "div", int: "intDiv", uint: "uintDiv" }),
  Min: arithmetic({ real: "min", int: "intMin", uint: "uintMin" }),
  Max: arithmetic({ real: "max", int: "intMax", uint: "uintMax" }),
  Sum: arithmetic({ real: "add" }),
  Mean: mean,
  Mod: arithmetic((ctx) =>
    ctx.int("fmod", 0) === 1
      ? { real: "fmod", int: "intFmod", uint: "uintMod" }
      : { real: "mod", int: "intMod", uint: "uintMod" },
  ),
  Pow: pow,
  PRelu: arithmetic({ real: "prelu" }),
  Equal: comparison({ real: "equal", int: "intEqual" }),
  Greater: comparison({ real: "greater", int: "intGreater", uint: "uintGreater" }),
  Less: comparison({ real: "less", int: "intLess", uint: "uintLess" }),
  GreaterOrEqual: comparison({ real: "greaterOrEqual", int: "intGreaterOrEqual", uint: "uintGreaterOrEqual" }),
  LessOrEqual: comparison({ real: "lessOrEqual", int: "intLessOrEqual", uint: "uintLessOrEqual" }),
  And: logic("and"),
  Or: logic("or"),
  Xor: logic("xor"),
  BitwiseAnd: arithmetic({ int: "and" }),
  BitwiseOr: arithmetic({ int: "or" }),
  BitwiseXor: arithmetic({ int: "xor" }),
  BitShift: shift,
  Clip: clip,
  Cast: cast,
  CastLike: (ctx) => [castTo(ctx.b, ctx.input(0), ctx.input(1).type)],
  Where: where,
  Dropout: dropout,
};

/** The mask of a Dropout that drops nothing. */
function onesLike(ctx: NodeContext): Value {
  const { dims } = ctx.input(0);
  return ctx.b.known({ type: OnnxType.BOOL, dims, data: new Float64Array(sizeOf(dims)).fill(1) });
}

export const microsoftElementwise: Readonly<Record<string, Lowering>> = {
  Gelu: real("gelu"),
  BiasGelu: biased("gelu"),
  FastGelu: biased("geluTanh"),
  QuickGelu: real("swish", alpha(1.702)),
};
