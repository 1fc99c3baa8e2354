// Attention operators of onnxruntime's com.microsoft domain, as in its ContribOperators documentation.
import { OnnxType } from "../../formats/onnx/ir.ts";
import type { GraphBuilder } from "../builder.ts";
import type { Lowering, NodeContext } from "../node-context.ts";
import type { Value } from "../values.ts";
import { afterPast, attend, biasOf, causalBias, joinHeads, splitHeads, tableBias, withinLengths } from "./attention.ts";
import { product } from "./product.ts";
import { pickRows, rotate } from "./rotary.ts";
import { binary, concat, place, takeView } from "./shared.ts";
import { sliced } from "./views.ts";

const refuse = (ctx: NodeContext, what: string) =>
  ctx.unsupported(`${what} can't be run.`, "Export the model without it, or before onnxruntime's fusions.");

/** 0 stands for the default. */
const scaleOf = (ctx: NodeContext, size: number): number => ctx.float("scale", 0) || 1 / Math.sqrt(size);

/** A mask of keys: a number of them for each batch element, or 1 for each that counts. */
function paddingBias(ctx: NodeContext, mask: Value, batch: number, total: number): Value {
  const { b } = ctx;
  const value = ctx.float("mask_filter_value", -10_000);
  const [first = 1, second = 1, third = 1] = mask.dims;
  if (mask.dims.length === 1 && first === batch) return biasOf(b, withinLengths(b, mask, total), value);
  if (mask.dims.length === 1 && first === 2 * batch) {
    const ends = withinLengths(b, takeView(b, mask, sliced(mask.dims, 0, 0, batch)), total);
    const before = withinLengths(b, takeView(b, mask, sliced(mask.dims, 0, batch, batch)), total);
    return biasOf(b, binary(b, "intGreater", ends, before, ends.dims, OnnxType.BOOL), value);
  }
  if (mask.dims.length === 2 && second === total) return biasOf(b, b.reshape(mask, [first, 1, 1, total]), value);
  if (mask.dims.length === 3) return biasOf(b, b.reshape(mask, [first, 1, second, third]), value);
  throw refuse(ctx, `a mask of dims [${mask.dims.join()}]`);
}

interface Parts {
  readonly q: Value;
  readonly k: Value;
  readonly v: Value;
  readonly past: number;
  readonly mask: Value | undefined;
  readonly bias: Value | undefined;
}

function masked(ctx: NodeContext, { q, k, v, past, mask, bias }: Parts) {
  const { b } = ctx;
  const [batch = 1, , sequence = 1, size = 1] = q.dims;
  const total = k.dims[2] ?? 1;
  const biases = bias ? [bias] : [];
  if (mask) biases.push(paddingBias(ctx, mask, batch, total));
  if (ctx.int("unidirectional", 0) === 1) biases.push(causalBias(b, sequence, total, past));
  return attend(ctx, { q, k, v, scale: scaleOf(ctx, size), biases });
}

const attention: Lowering = (ctx) => {
  const { b } = ctx;
  const [x, weights] = [ctx.input(0), ctx.input(1)];
  if (ctx.int("do_rotary", 0) === 1) throw refuse(ctx, "do_rotary");
  if (ctx.int("past_present_share_buffer", 0) === 1) throw refuse(ctx, "past_present_share_buffer");
  const heads = ctx.int("num_heads", 1);
  const third = (weights.dims[1] ?? 0) / 3;
  const sizes = ctx.ints("qkv_hidden_sizes") ?? [third, third, third];
  const bias = ctx.optional(2);
  const all = product(b, x, weights, bias ? { bias, beta: 1 } : {});
  let from = 0;
  const [q, newK, newV] = sizes.map((size) => {
    if (size % heads !== 0) throw ctx.mismatch(`${size} columns can't be cut into ${heads} heads.`);
    const part = splitHeads(b, all, heads, size / heads, from);
    from += size;
    return part;
  });
  if (!q || !newK || !newV || from !== weights.dims[1]) {
    throw ctx.mismatch(`weights [${weights.dims.join()}] do not hold queries, keys and values of ${sizes.join()}.`);
  }
  const past = ctx.optional(4);
  const pastOf = (index: number): Value | undefined =>
    past && b.reshape(takeView(b, past, sliced(past.dims, 0, index, 1)), past.dims.slice(1));
  const [k, v] = [afterPast(b, pastOf(0), newK), afterPast(b, pastOf(1), newV)];
  const parts = { q, k, v, past: past?.dims[3] ?? 0, mask: ctx.optional(3), bias: ctx.optional(5) };
  const { y } = masked(ctx, parts);
  const present = ctx.wants(1)
    ? concat(
        b,
        [k, v].map((each) => b.reshape(each, [1, ...each.dims])),
        0,
      )
    : undefined;
  return [joinHeads(b, y), present];
};

/** One of several tensors packed as [batch, sequence, heads, count, size], as [batch, heads, sequence, size]. */
function unpack(b: GraphBuilder, x: Value, index: number): Value {
  const [batch = 1, sequence = 1, heads = 1, count = 1, size = 1] = x.dims;
  const dims = [batch, heads, sequence, size];
  const row = heads * count * size;
  return takeView(b, x, { dims, box: dims, start: index * size, strides: [sequence * row, count * size, row, 1] });
}

const multiHeadAttention: Lowering = (ctx) => {
  const { b } = ctx;
  if (ctx.optional(8) || ctx.optional(9)) throw refuse(ctx, "a shared buffer of past keys and values");
  const heads = ctx.int("num_heads", 1);
  const [query, key, value] = [ctx.input(0), ctx.optional(1), ctx.optional(2)];
  const split = (x: Value | undefined, packed: Value | undefined, index: number): Value => {
    if (packed?.dims.length === 5 && !x) return unpack(b, packed, index);
    if (!x) throw ctx.mismatch("it has no keys and values.");
    if (x.dims.length === 5) return unpack(b, x, index);
    if (x.dims.length === 4) return x;
    return splitHeads(b, x, heads, (x.dims[2] ?? 1) / heads);
  };
  const bias = ctx.optional(3);
  let from = 0;
  const shifted = (x: Value): Value => {
    const [, count = 1, , size = 1] = x.dims;
    const start = from;
    from += count * size;
    if (!bias) return x;
    const own = takeView(b, bias, sliced(bias.dims, 0, start, count * size));
    return binary(b, "add", x, b.reshape(own, [1, count, 1, size]), x.dims);
  };
  const isPackedPair = key?.dims.length === 5;
  const q = shifted(split(query, undefined, 0));
  const newK = shifted(split(key, query, isPackedPair ? 0 : 1));
  const newV = shifted(isPackedPair ? split(key, undefined, 1) : split(value, query, 2));
  const [pastK, pastV] = [ctx.optional(6), ctx.optional(7)];
  const [k, v] = [afterPast(b, pastK, newK), afterPast(b, pastV, newV)];
  const parts = { q, k, v, past: pastK?.dims[2] ?? 0, mask: ctx.optional(4), bias: ctx.optional(5) };
  const { y, stages } = masked(ctx, parts);
  return [joinHeads(b, y), k, v, stages[2]];
};

/** Keys or values of all batch elements, the new ones behind as many earlier ones as each has. */
function grow(b: GraphBuilder, past: Value | undefined, x: Value, before: readonly number[], length: number): Value {
  const [, heads = 1, sequence = 1, size = 1] = x.dims;
  const isEven = before.every((count) => count === (past?.dims[2] ?? 0));
  if (isEven && (before[0] ?? 0) + sequence === length) return afterPast(b, past, x);
  const y = b.zeros(x.type, [before.length, heads, length, size]);
  for (const [n, count] of before.entries()) {
    const own = (from: Value): Value => takeView(b, from, sliced(from.dims, 0, n, 1));
    if (past && count > 0) {
      const kept = own(past);
      place(b, takeView(b, kept, sliced(kept.dims, 2, 0, count)), y, [n, 0, 0, 0]);
    }
    place(b, own(x), y, [n, 0, count, 0]);
  }
  return y;
}

const groupQueryAttention: Lowering = (ctx) => {
  const { b } = ctx;
  for (const index of [11, 12, 13, 14, 15]) {
    if (ctx.optional(index)) throw refuse(ctx, `its input ${index}`);
  }
  if (ctx.int("smooth_softmax", 0) === 1) throw refuse(ctx, "smooth_softmax");
  const [query, key, value] = [ctx.input(0), ctx.optional(1), ctx.optional(2)];
  const [heads, keyHeads] = [ctx.int("num_heads", 1), ctx.int("kv_num_heads", 1)];
  const size = (query.dims[2] ?? 1) / (key ? heads : heads + 2 * keyHeads);
  if (!Number.isInteger(size)) throw ctx.mismatch(`[${query.dims.join()}] can't be cut into ${heads} heads.`);
  let q = splitHeads(b, query, heads, size);
  let newK = splitHeads(b, key ?? query, keyHeads, size, key ? 0 : heads * size);
  const newV = splitHeads(b, value ?? query, keyHeads, size, value ? 0 : (heads + keyHeads) * size);

  const [pastK, pastV] = [ctx.optional(3), ctx.optional(4)];
  const sequence = query.dims[1] ?? 1;
  const lengths = ctx.numbers(5, "the lengths of sequences").map((last) => last + 1);
  const [total = sequence] = ctx.numbers(6, "the total length");
  const before = lengths.map((length) => (sequence === total ? 0 : length - sequence));
  if (before.some((count) => count < 0 || count > (pastK?.dims[2] ?? 0))) {
    throw ctx.mismatch(
      `sequences of ${lengths.join()} do not fit ${sequence} new and ${pastK?.dims[2] ?? 0} past keys.`,
    );
  }
  if (ctx.int("do_rotary", 0) === 1) {
    const positions = ctx.optional(9) ?? places(b, before, sequence);
    const [cos, sin] = [7, 8].map((index) => {
      const rows = pickRows(b, ctx.input(index), positions);
      const [batch = 1, count = 1, columns = 1] = rows.dims;
      return b.reshape(rows, [batch, 1, count, columns]);
    });
    if (!cos || !sin) throw ctx.mismatch("it has no cos and sin.");
    const interleaved = ctx.int("rotary_interleaved", 0) === 1;
    [q, newK] = [rotate(b, q, cos, sin, interleaved), rotate(b, newK, cos, sin, interleaved)];
  }
  const length = Math.max(total, pastK?.dims[2] ?? 0);
  const [k, v] = [grow(b, pastK, newK, before, length), grow(b, pastV, newV, before, length)];
  const window = ctx.int("local_window_size", -1);
  // The keys that count; a longer buffer has room behind them.
  const [seenK, seenV] = [k, v].map((x) => takeView(b, x, sliced(x.dims, 2, 0, total)));
  const causal = tableBias(b, [before.length, 1, sequence, total], (n, i, j) => {
    const own = (before[n] ?? 0) + i;
    return j <= own && (window < 0 || j > own - window);
  });
  const bias = ctx.optional(10);
  const { y } = attend(ctx, {
    q,
    k: seenK ?? k,
    v: seenV ?? v,
    scale: scaleOf(ctx, size),
    softcap: ctx.float("softcap", 0),
    biases: bias ? [bias, causal] : [causal],
  });
  return [joinHeads(b, y), k, v];
};

/** Positions of new elements, [batch, sequence]. */
function places(b: GraphBuilder, before: readonly number[], sequence: number): Value {
  const data = Float64Array.from(before.flatMap((count) => Array.from({ length: sequence }, (_, i) => count + i)));
  return b.known({ type: OnnxType.INT32, dims: [before.length, sequence], data });
}

export const microsoftAttentionOps: Readonly<Record<string, Lowering>> = {
  Attention: attention,
  MultiHeadAttention: multiHeadAttention,
  GroupQueryAttention: groupQueryAttention,
};
