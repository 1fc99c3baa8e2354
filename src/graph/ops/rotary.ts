// Rotary position embeddings: pairs of a head's elements turned by the angle of their position. As in the
// documentation of ai.onnx RotaryEmbedding and onnxruntime's contrib operators.
import { OnnxType } from "../../formats/onnx/ir.ts";
import { gatherCall } from "../../kernels/nn/gather.ts";
import type { GraphBuilder } from "../builder.ts";
import type { Lowering, NodeContext } from "../node-context.ts";
import { sizeOf, type Value } from "../values.ts";
import { binary, concat, takeView } from "./shared.ts";
import { sliced } from "./views.ts";

/** 0 to count - 1 as a constant. */
export const countUp = (b: GraphBuilder, count: number): Value =>
  b.known({ type: OnnxType.INT32, dims: [count], data: Float64Array.from({ length: count }, (_, i) => i) });

/** Rows of a cache [positions, columns] at some positions: [...positions' dims, columns]. */
export function pickRows(b: GraphBuilder, cache: Value, positions: Value): Value {
  const [axis = 0, inner = 1] = cache.dims;
  const y = b.temp(cache.type, [...positions.dims, inner]);
  b.emit(gatherCall({ outer: 1, axis, inner, picks: sizeOf(positions.dims) }), [cache, positions, y]);
  return y;
}

/**
 * Turns the first elements of each head, twice as many as cos has columns, and leaves the rest.
 * @param cos broadcasts to x but for its last dim
 * @param interleaved pairs are neighbours; otherwise the halves of what is turned
 */
export function rotate(b: GraphBuilder, x: Value, cos: Value, sin: Value, interleaved: boolean): Value {
  const last = x.dims.length - 1;
  const half = cos.dims.at(-1) ?? 0;
  const part = (start: number): Value =>
    takeView(b, x, interleaved ? sliced(x.dims, last, start, half, 2) : sliced(x.dims, last, start * half, half));
  const [first, second] = [part(0), part(1)];
  const { dims } = first;
  const times = (p: Value, q: Value): Value => binary(b, "mul", p, q, dims);
  const real = binary(b, "sub", times(first, cos), times(second, sin), dims);
  const imaginary = binary(b, "add", times(first, sin), times(second, cos), dims);
  const pair = (value: Value): Value => (interleaved ? b.reshape(value, [...dims, 1]) : value);
  const turned = concat(b, [pair(real), pair(imaginary)], interleaved ? last + 1 : last);
  const y = b.reshape(turned, dims.with(last, 2 * half));
  const rest = (x.dims[last] ?? 0) - 2 * half;
  return rest === 0 ? y : concat(b, [y, takeView(b, x, sliced(x.dims, last, 2 * half, rest))], last);
}

/** @param angles cos or sin, [batch or 1, sequence, columns] */
function rotateInput(ctx: NodeContext, angles: readonly [Value, Value], headSize: number): readonly Value[] {
  const { b } = ctx;
  const x = ctx.input(0);
  const isSplit = x.dims.length === 4;
  const [batch = 1, sequence = 1, hidden = 1] = x.dims;
  if (!isSplit && (headSize < 1 || hidden % headSize !== 0)) {
    throw ctx.mismatch(`[${x.dims.join()}] can't be cut into heads of ${headSize}.`);
  }
  const heads = isSplit ? x : b.reshape(x, [batch, sequence, hidden / headSize, headSize]);
  const [cos, sin] = angles.map((value) => {
    const [rows = 1, length = 1, columns = 1] = value.dims;
    return b.reshape(value, isSplit ? [rows, 1, length, columns] : [rows, length, 1, columns]);
  });
  if (!cos || !sin || 2 * (cos.dims[3] ?? 0) > (heads.dims[3] ?? 0)) {
    throw ctx.mismatch("its cos and sin have more columns than a head has pairs.");
  }
  return [b.reshape(rotate(b, heads, cos, sin, ctx.int("interleaved", 0) === 1), x.dims)];
}

const rotaryEmbedding: Lowering = (ctx) => {
  const [x, cos, sin] = [ctx.input(0), ctx.input(1), ctx.input(2)];
  const positions = ctx.optional(3);
  const angles = [cos, sin] as const;
  const heads = ctx.int("num_heads", 0);
  if (x.dims.length === 3 && heads === 0) throw ctx.mismatch("it has no num_heads, but its input has 3 dims.");
  const size = (x.dims[2] ?? 1) / Math.max(1, heads);
  if (!positions) return rotateInput(ctx, angles, size);
  return rotateInput(ctx, [pickRows(ctx.b, cos, positions), pickRows(ctx.b, sin, positions)], size);
};

/** Positions are given for all elements, or as the one of the first. */
const microsoftRotaryEmbedding: Lowering = (ctx) => {
  const { b } = ctx;
  const [x, given, cos, sin] = [ctx.input(0), ctx.input(1), ctx.input(2), ctx.input(3)];
  if (ctx.int("is_packed_batching", 0) === 1) {
    throw ctx.unsupported("packed batches can't be run.", "Export the model with padded batches.");
  }
  const sequence = (x.dims.length === 4 ? x.dims[2] : x.dims[1]) ?? 1;
  const positions =
    given.dims.length < 2
      ? binary(b, "intAdd", b.reshape(countUp(b, sequence), [1, sequence]), b.reshape(given, [1, 1]), [1, sequence])
      : given;
  const isPartial = ctx.int("rotary_embedding_dim", 0) > 0;
  const size = isPartial ? (x.dims[2] ?? 1) / Math.max(1, ctx.int("num_heads", 0)) : 2 * (cos.dims[1] ?? 0);
  return rotateInput(ctx, [pickRows(b, cos, positions), pickRows(b, sin, positions)], size);
};

export const rotaryOps: Readonly<Record<string, Lowering>> = { RotaryEmbedding: rotaryEmbedding };
export const microsoftRotaryOps: Readonly<Record<string, Lowering>> = { RotaryEmbedding: microsoftRotaryEmbedding };
