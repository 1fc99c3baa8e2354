// Quantized values in a float graph: the affine operators as ONNX defines them, element by element.
import { onnxTypeName } from "../../formats/onnx/dtypes.ts";
import { OnnxType } from "../../formats/onnx/ir.ts";
import type { GraphBuilder } from "../builder.ts";
import type { Lowering, NodeContext } from "../node-context.ts";
import type { Geometry } from "../../kernels/quantize/geometry.ts";
import { isFloatType, sizeOf, wordTypeOf, type Value } from "../values.ts";
import { decodeConstant } from "./decode.ts";
import { reduceAxes } from "./reduction.ts";
import { binary, takeView, unary } from "./shared.ts";
import { expanded, sliced } from "./views.ts";

/** Least and greatest codes. */
export const codeRanges: Readonly<Record<number, readonly [number, number]>> = {
  [OnnxType.INT8]: [-128, 127],
  [OnnxType.UINT8]: [0, 255],
  [OnnxType.INT16]: [-32768, 32767],
  [OnnxType.UINT16]: [0, 65535],
  [OnnxType.INT4]: [-8, 7],
  [OnnxType.UINT4]: [0, 15],
  [OnnxType.INT2]: [-2, 1],
  [OnnxType.UINT2]: [0, 3],
};

/** Scale or zero point with dims that broadcast along x: per tensor, per axis, or per block of an axis. */
function along(ctx: NodeContext, x: Value, parameter: Value): Value {
  const { b } = ctx;
  if (sizeOf(parameter.dims) === 1) return b.reshape(parameter, []);
  const rank = x.dims.length;
  const axis = ctx.axis(ctx.int("axis", 1), rank);
  const block = ctx.int("block_size", 0);
  if (block === 0) {
    if (sizeOf(parameter.dims) !== x.dims[axis]) {
      throw ctx.mismatch(`[${parameter.dims.join()}] does not fit axis ${axis} of [${x.dims.join()}].`);
    }
    return b.reshape(
      parameter,
      x.dims.map((dim, i) => (i === axis ? dim : 1)),
    );
  }
  // Each parameter holds for `block` neighbours; the last block may be cut short.
  const blocks = parameter.dims[axis] ?? 1;
  const split = parameter.dims.toSpliced(axis + 1, 0, 1);
  const wide = takeView(b, b.reshape(parameter, split), expanded(split, split.with(axis + 1, block)));
  const joined = b.reshape(wide, parameter.dims.with(axis, blocks * block));
  const size = x.dims[axis] ?? 1;
  if (blocks * block === size) return joined;
  return takeView(b, joined, sliced(joined.dims, axis, 0, size));
}

/** How x falls into groups that share a scale. */
function groupsOf(ctx: NodeContext, x: Value, scale: Value): Geometry {
  if (sizeOf(scale.dims) === 1) return { kind: "wide", outer: 1, channels: 1, inner: sizeOf(x.dims) };
  const { outer, axis, inner } = ctx.split(x.dims, ctx.axis(ctx.int("axis", 1), x.dims.length));
  const blockSize = ctx.int("block_size", 0);
  if (blockSize === 0) return { kind: "wide", outer, channels: axis, inner };
  return { kind: "blocked", outer, dim: axis, inner, blockSize };
}

const dequantize: Lowering = (ctx) => {
  const { b } = ctx;
  const [x, scale, zero] = [ctx.input(0), ctx.input(1), ctx.optional(2)];
  if (isFloatType(x.type)) {
    throw ctx.unsupported(`codes of type ${onnxTypeName(x.type)} can't be decoded.`, "Use an integer format.");
  }
  const whole = decodeConstant(b, x, groupsOf(ctx, x, scale), { scale, zero }, scale.type);
  if (whole) return [whole];
  const codes = zero ? binary(b, "intSub", x, along(ctx, x, zero), x.dims, OnnxType.INT32) : x;
  const real = unary(b, wordTypeOf(x.type) === "u32" ? "uintToReal" : "intToReal", codes, { type: scale.type });
  return [binary(b, "mul", real, along(ctx, x, scale), x.dims)];
};

/** Codes of x under a scale and a zero point, both broadcast along x. */
export function quantizeTo(b: GraphBuilder, x: Value, scale: Value, zero: Value | undefined, type: number): Value {
  return codesOf(b, binary(b, "div", x, scale, x.dims), zero, type);
}

/** Quotients of values and scale, rounded to nearest even, moved by the zero point and saturated. */
export function codesOf(b: GraphBuilder, quotients: Value, zero: Value | undefined, type: number): Value {
  const [low, high] = codeRanges[type] ?? [0, 255];
  // Far quotients would leave i32 with the zero point added; clipping them first changes no code.
  const near = unary(b, "clip", quotients, { a: -(2 ** 24), b: 2 ** 24 });
  const rounded = unary(b, "realToInt", unary(b, "round", near), { type: OnnxType.INT32 });
  const moved = zero ? binary(b, "intAdd", rounded, zero, near.dims) : rounded;
  return b.retype(unary(b, "intClip", moved, { a: low, b: high }), type);
}

const quantize: Lowering = (ctx) => {
  const [x, scale, zero] = [ctx.input(0), ctx.input(1), ctx.optional(2)];
  const named = ctx.int("output_dtype", 0);
  const type = zero?.type ?? (named === 0 ? OnnxType.UINT8 : named);
  if (!codeRanges[type]) {
    throw ctx.unsupported(`codes of type ${onnxTypeName(type)} can't be made.`, "Use an integer format.");
  }
  const source = isFloatType(x.type) ? x : unary(ctx.b, "intToReal", x, { type: OnnxType.FLOAT });
  return [quantizeTo(ctx.b, source, along(ctx, x, scale), zero && along(ctx, x, zero), type)];
};

/** Scale and zero point from the range of x with zero in it, as ONNX's formula has them. */
export function dynamicCodes(b: GraphBuilder, x: Value): { codes: Value; scale: Value; zero: Value } {
  const axes = [...x.dims.keys()];
  const ranged = (op: "min" | "max"): Value =>
    binary(b, op, axes.length > 0 ? reduceAxes(b, x, axes, op) : x, b.scalar(0), []);
  const [low, high] = [ranged("min"), ranged("max")];
  const scale = binary(b, "div", binary(b, "sub", high, low, []), b.scalar(255), []);
  // A tensor of zeros has a scale of 0; its codes are those of any other scale.
  const safe = unary(b, "clip", scale, { a: 1e-38, b: 3.4e38 });
  const zeroReal = unary(
    b,
    "round",
    unary(b, "clip", unary(b, "neg", binary(b, "div", low, safe, [])), { a: 0, b: 255 }),
  );
  const zero = unary(b, "realToInt", zeroReal, { type: OnnxType.UINT8 });
  return { codes: quantizeTo(b, x, safe, zero, OnnxType.UINT8), scale, zero };
}

const dynamicQuantize: Lowering = (ctx) => {
  const { codes, scale, zero } = dynamicCodes(ctx.b, ctx.input(0));
  return [codes, scale, zero];
};

export const quantizationOps: Readonly<Record<string, Lowering>> = {
  DequantizeLinear: dequantize,
  QuantizeLinear: quantize,
  DynamicQuantizeLinear: dynamicQuantize,
};

/** onnxruntime's own forms, of the same rules; they came before ONNX took all their types. */
export const microsoftQuantizationOps: Readonly<Record<string, Lowering>> = {
  DequantizeLinear: dequantize,
  QuantizeLinear: quantize,
};
