// Scaled dot-product attention out of products, masks and softmax, and ai.onnx Attention. Definitions as in ONNX's
// operator documentation.
import { OnnxType } from "../../formats/onnx/ir.ts";
import { stridesOf } from "../../kernels/nn/broadcast.ts";
import { selectCall } from "../../kernels/nn/select.ts";
import { softmaxCall } from "../../kernels/nn/softmax.ts";
import type { GraphBuilder } from "../builder.ts";
import type { Lowering, NodeContext } from "../node-context.ts";
import type { Value } from "../values.ts";
import { product } from "./product.ts";
import { countUp } from "./rotary.ts";
import { binary, concat, filled, takeView, transpose, unary } from "./shared.ts";

/** What is added to a score that does not count: finite, since adapters need not know infinity. */
export const excluded = -3.402_823_466_385_288_6e38;

export interface Heads {
  /** [batch, heads, sequence, size]. */
  readonly q: Value;
  /** [batch, key heads, total sequence, size]; each serves as many heads of q. */
  readonly k: Value;
  readonly v: Value;
  readonly scale: number;
  /** Scores are held within it by tanh; 0 for no bound. */
  readonly softcap?: number;
  /** Added to the scores, each broadcast to [batch, heads, sequence, total sequence]. */
  readonly biases?: readonly Value[];
}

export interface Attended {
  /** [batch, heads, sequence, value size]. */
  readonly y: Value;
  /** After the product, after the softcap, after the biases, and as probabilities. */
  readonly stages: readonly [Value, Value, Value, Value];
}

/** softmax(scale q kᵀ + biases) v. */
export function attend(ctx: NodeContext, { q, k, v, scale, softcap = 0, biases = [] }: Heads): Attended {
  const { b } = ctx;
  const [batch = 1, heads = 1, sequence = 1, size = 1] = q.dims;
  const [keyBatch = 1, keyHeads = 1, total = 1, keySize = 1] = k.dims;
  const fits = keyBatch === batch && keySize === size && heads % keyHeads === 0;
  if (!fits || v.dims.slice(0, 3).join() !== k.dims.slice(0, 3).join()) {
    throw ctx.mismatch(`queries [${q.dims.join()}], keys [${k.dims.join()}], values [${v.dims.join()}] do not fit.`);
  }
  // Heads of q that share a key are rows of one product.
  const rows = (heads / keyHeads) * sequence;
  const scoreDims = [batch, heads, sequence, total];
  const asRows = (x: Value): Value => b.reshape(x, [batch, keyHeads, rows, x.dims[3] ?? 1]);
  const raw = b.reshape(product(b, asRows(q), k, { transB: true, alpha: scale }), scoreDims);
  const capped = softcap > 0 ? cap(b, raw, softcap) : raw;
  let masked = capped;
  for (const bias of biases) {
    if (ctx.broadcast(scoreDims, bias.dims).join() !== scoreDims.join()) {
      throw ctx.mismatch(`a mask or bias [${bias.dims.join()}] does not broadcast to [${scoreDims.join()}].`);
    }
    masked = binary(b, "add", masked, bias, scoreDims);
  }
  const probabilities = b.temp(raw.type, scoreDims);
  b.emit(softmaxCall(ctx.split(scoreDims, 3), "softmax"), [masked, probabilities]);
  const y = b.reshape(product(b, asRows(probabilities), v), [batch, heads, sequence, v.dims[3] ?? 1]);
  return { y, stages: [raw, capped, masked, probabilities] };
}

function cap(b: GraphBuilder, x: Value, softcap: number): Value {
  const bounded = unary(b, "tanh", unary(b, "affine", x, { a: 1 / softcap, b: 0 }));
  return unary(b, "affine", bounded, { a: softcap, b: 0 });
}

/**
 * Heads of a slice of the last dim: [batch, sequence, all] to [batch, heads, sequence, size].
 * @param from the first element of the slice
 */
export function splitHeads(b: GraphBuilder, x: Value, heads: number, size: number, from = 0): Value {
  const [batch = 1, sequence = 1, all = 1] = x.dims;
  const dims = [batch, heads, sequence, size];
  return takeView(b, x, { dims, box: dims, start: from, strides: [sequence * all, size, all, 1] });
}

/** [batch, heads, sequence, size] to [batch, sequence, heads size]. */
export function joinHeads(b: GraphBuilder, x: Value): Value {
  const [batch = 1, heads = 1, sequence = 1, size = 1] = x.dims;
  return b.reshape(transpose(b, x, [0, 2, 1, 3]), [batch, sequence, heads * size]);
}

/** What is added to a score: `value` where a condition (not 0) does not hold. */
export function biasOf(b: GraphBuilder, condition: Value, value: number = excluded): Value {
  const { dims } = condition;
  const y = b.temp(OnnxType.FLOAT, dims);
  b.emit(selectCall({ condition: dims, a: [], b: [], y: dims }), [condition, b.scalar(0), b.scalar(value), y]);
  return y;
}

/** A bias known beforehand, by where a query may look. @param allows of batch, query and key */
export function tableBias(
  b: GraphBuilder,
  dims: readonly [number, number, number, number],
  allows: (batch: number, query: number, key: number) => boolean,
): Value {
  const [stride = 1, , row = 1] = stridesOf(dims);
  const [batch, , queries, keys] = dims;
  const data = new Float64Array(batch * stride);
  for (let n = 0; n < batch; n++) {
    for (let i = 0; i < queries; i++) {
      for (let j = 0; j < keys; j++) data[n * stride + i * row + j] = allows(n, i, j) ? 0 : excluded;
    }
  }
  return b.known({ type: OnnxType.FLOAT, dims, data });
}

/** Keys up to each query's own place, `past` keys being before the first. */
export const causalBias = (b: GraphBuilder, sequence: number, total: number, past: number): Value =>
  tableBias(b, [1, 1, sequence, total], (_, query, key) => key <= query + past);

/** A condition: the first keys of each batch element, as many as `lengths` [batch] says. */
export function withinLengths(b: GraphBuilder, lengths: Value, total: number): Value {
  const [batch = 1] = lengths.dims;
  const keys = b.reshape(countUp(b, total), [1, 1, 1, total]);
  return binary(b, "intLess", keys, b.reshape(lengths, [batch, 1, 1, 1]), [batch, 1, 1, total], OnnxType.BOOL);
}

/** Earlier keys or values before new ones. */
export const afterPast = (b: GraphBuilder, past: Value | undefined, x: Value): Value =>
  past ? concat(b, [past, x], 2) : x;

/** The mask of ai.onnx Attention over all keys: what it lacks at the end does not count. */
function maskBias(ctx: NodeContext, mask: Value, total: number): Value {
  const { b } = ctx;
  const isBool = mask.type === OnnxType.BOOL;
  const last = mask.dims.length - 1;
  const own = mask.dims[last] ?? 1;
  const isShort = own < total && (own > 1 || ctx.opset >= 24);
  const missing = mask.dims.with(last, total - own);
  const whole = isShort ? concat(b, [mask, filled(b, isBool ? 0 : excluded, mask.type, missing)], last) : mask;
  return isBool ? biasOf(b, whole) : whole;
}

const attention: Lowering = (ctx) => {
  const { b } = ctx;
  const given = [ctx.input(0), ctx.input(1), ctx.input(2)];
  const isFlat = given[0]?.dims.length === 3;
  const counts = [ctx.int("q_num_heads", 0), ctx.int("kv_num_heads", 0), ctx.int("kv_num_heads", 0)];
  const [q, newK, newV] = given.map((x, i) => {
    if (!isFlat) return x;
    const [count = 0, hidden = 0] = [counts[i], x.dims[2]];
    if (count < 1 || hidden % count !== 0) throw ctx.mismatch(`[${x.dims.join()}] can't be cut into ${count} heads.`);
    return splitHeads(b, x, count, hidden / count);
  });
  if (!q || !newK || !newV) throw ctx.mismatch("it has no queries, keys and values.");
  const [k, v] = [afterPast(b, ctx.optional(4), newK), afterPast(b, ctx.optional(5), newV)];
  const [sequence, total, past] = [q.dims[2] ?? 1, k.dims[2] ?? 1, ctx.optional(4)?.dims[2] ?? 0];
  const [mask, lengths] = [ctx.optional(3), ctx.optional(6)];
  const biases = mask ? [maskBias(ctx, mask, total)] : [];
  if (lengths) biases.push(biasOf(b, withinLengths(b, lengths, total)));
  if (ctx.int("is_causal", 0) === 1) {
    const offsets = lengths && !ctx.optional(4) ? ctx.numbers(6, "the number of keys") : undefined;
    biases.push(
      offsets
        ? tableBias(b, [offsets.length, 1, sequence, total], (n, i, j) => j <= i + (offsets[n] ?? 0) - sequence)
        : causalBias(b, sequence, total, past),
    );
  }
  const { y, stages } = attend(ctx, {
    q,
    k,
    v,
    scale: ctx.float("scale") ?? 1 / Math.sqrt(q.dims[3] ?? 1),
    softcap: ctx.float("softcap", 0),
    biases,
  });
  return [isFlat ? joinHeads(b, y) : y, k, v, stages[ctx.int("qk_matmul_output_mode", 0)]];
};

export const attentionOps: Readonly<Record<string, Lowering>> = { Attention: attention };
