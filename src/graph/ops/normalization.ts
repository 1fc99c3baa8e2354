// Normalizations over rows: layer, RMS, instance and group norm, with onnxruntime's fused forms.
import { lrnCall } from "../../kernels/nn/lrn.ts";
import { rowNormCall, type RowNormKind, type RowNormShape } from "../../kernels/nn/row-norm.ts";
import type { GraphBuilder } from "../builder.ts";
import type { Lowering, NodeContext } from "../node-context.ts";
import { sizeOf, type Value } from "../values.ts";
import { reduceAxes } from "./reduction.ts";
import { binary, unary } from "./shared.ts";

interface NormOptions {
  readonly kind?: RowNormKind;
  readonly epsilon: number;
  readonly scale?: Value | undefined;
  readonly bias?: Value | undefined;
}

function normalize(b: GraphBuilder, x: Value, shape: RowNormShape, { scale, bias, ...rest }: NormOptions): Value {
  const y = b.temp(x.type, x.dims);
  const call = rowNormCall(shape, { ...rest, scale: scale !== undefined, bias: bias !== undefined });
  b.emit(call, [x, scale ?? b.none(), bias ?? b.none(), y]);
  return y;
}

const rowsAt = (x: Value, axis: number): RowNormShape => ({
  rows: sizeOf(x.dims.slice(0, axis)),
  cols: sizeOf(x.dims.slice(axis)),
});

const layerNorm =
  (kind: RowNormKind): Lowering =>
  (ctx) => {
    const x = ctx.input(0);
    const axis = ctx.axis(ctx.int("axis", -1), x.dims.length);
    const epsilon = ctx.float("epsilon", 1e-5);
    const scale = ctx.input(1);
    const shape = rowsAt(x, axis);
    // Scales that broadcast along the normalized axes are not laid out as the kernel reads them.
    if (sizeOf(scale.dims) !== shape.cols) {
      throw ctx.unsupported(
        `a scale of [${scale.dims.join()}] is not one of [${x.dims.slice(axis).join()}].`,
        "Expand it.",
      );
    }
    const y = normalize(ctx.b, x, shape, {
      kind,
      epsilon,
      scale,
      bias: kind === "layer" ? ctx.optional(2) : undefined,
    });
    return [y, ...(ctx.wants(1) || ctx.wants(2) ? statistics(ctx, x, axis, epsilon, kind) : [])];
  };

/** Mean and inverse standard deviation of each row, which the norm's kernel does not give. */
function statistics(ctx: NodeContext, x: Value, axis: number, epsilon: number, kind: RowNormKind): readonly Value[] {
  const { b } = ctx;
  const { rows, cols } = rowsAt(x, axis);
  const dims = x.dims.map((dim, i) => (i < axis ? dim : 1));
  const flat = b.reshape(x, [rows, cols]);
  const mean = reduceAxes(b, flat, [1], "mean");
  const centred = kind === "rms" ? flat : binary(b, "sub", flat, b.reshape(mean, [rows, 1]), [rows, cols]);
  const squares = unary(b, "affine", reduceAxes(b, centred, [1], "sumSquare"), { a: 1 / cols, b: epsilon });
  const inverse = b.reshape(unary(b, "reciprocalSqrt", squares), dims);
  return kind === "rms" ? [inverse] : [b.reshape(mean, dims), inverse];
}

const instanceNorm: Lowering = (ctx) => {
  const [x, scale, bias] = [ctx.input(0), ctx.input(1), ctx.input(2)];
  const [batch = 1, channels = 1, ...spatial] = x.dims;
  const span = sizeOf(spatial);
  const shape = { rows: batch * channels, cols: span, groups: channels, span };
  return [normalize(ctx.b, x, shape, { epsilon: ctx.float("epsilon", 1e-5), scale, bias })];
};

const groupNorm: Lowering = (ctx) => {
  const [x, scale, bias] = [ctx.input(0), ctx.input(1), ctx.input(2)];
  const [batch = 1, channels = 1, ...spatial] = x.dims;
  const groups = ctx.int("num_groups", 1);
  const span = sizeOf(spatial);
  // Operator sets before 21 have one factor a group.
  const perGroup = ctx.opset < 21;
  const cols = (channels / groups) * span;
  const shape = { rows: batch * groups, cols, groups, span: perGroup ? cols : span };
  return [normalize(ctx.b, x, shape, { epsilon: ctx.float("epsilon", 1e-5), scale, bias })];
};

const meanVariance: Lowering = (ctx) => {
  const { b } = ctx;
  const x = ctx.input(0);
  const axes = (ctx.ints("axes") ?? [0, 2, 3]).map((axis) => ctx.axis(axis, x.dims.length));
  const kept = x.dims.map((dim, i) => (axes.includes(i) ? 1 : dim));
  const mean = b.reshape(reduceAxes(b, x, axes, "mean"), kept);
  const centred = binary(b, "sub", x, mean, x.dims);
  const variance = b.reshape(reduceAxes(b, unary(b, "square", centred), axes, "mean"), kept);
  const deviation = unary(b, "affine", unary(b, "sqrt", variance), { a: 1, b: 1e-9 });
  return [binary(b, "div", centred, deviation, x.dims)];
};

/** com.microsoft's sum of two or three inputs with a norm behind it; the sum is the fourth output. */
const skipNorm =
  (kind: RowNormKind): Lowering =>
  (ctx) => {
    const { b } = ctx;
    const [x, skip, scale] = [ctx.input(0), ctx.input(1), ctx.input(2)];
    const [bias, more] = kind === "layer" ? [ctx.optional(3), ctx.optional(4)] : [undefined, ctx.optional(3)];
    const pair = binary(b, "add", x, skip, ctx.broadcast(x.dims, skip.dims));
    const sum = more ? binary(b, "add", pair, more, pair.dims) : pair;
    const epsilon = ctx.float("epsilon", 1e-5);
    const y = normalize(b, sum, rowsAt(sum, sum.dims.length - 1), { kind, epsilon, scale, bias });
    return [y, undefined, undefined, sum];
  };

const lrn: Lowering = (ctx) => {
  const { b } = ctx;
  const x = ctx.input(0);
  const [batch = 1, channels = 1, ...spatial] = x.dims;
  const options = {
    size: ctx.int("size", 1),
    alpha: ctx.float("alpha", 1e-4),
    beta: ctx.float("beta", 0.75),
    bias: ctx.float("bias", 1),
  };
  const y = b.temp(x.type, x.dims);
  b.emit(lrnCall({ batch, channels, inner: sizeOf(spatial) }, options), [x, y]);
  return [y];
};

export const normalizationOps: Readonly<Record<string, Lowering>> = {
  LayerNormalization: layerNorm("layer"),
  RMSNormalization: layerNorm("rms"),
  SimplifiedLayerNormalization: layerNorm("rms"),
  InstanceNormalization: instanceNorm,
  GroupNormalization: groupNorm,
  MeanVarianceNormalization: meanVariance,
  LRN: lrn,
};

export const microsoftNormalizations: Readonly<Record<string, Lowering>> = {
  SimplifiedLayerNormalization: layerNorm("rms"),
  SkipLayerNormalization: skipNorm("layer"),
  SkipSimplifiedLayerNormalization: skipNorm("rms"),
};
