// LLaMA (Touvron et al., 2023) with grouped queries, in TinyLlama's proportions: root mean square norms in primitives,
// rotary positions by Slice, Neg and Concat, key and value heads repeated by Expand, a gated SiLU, a cache, no bias.
import { OnnxType } from "../../src/formats/onnx/ir.ts";
import { silu } from "./activations.ts";
import { decoderFeeds, decoderInputs, extended, type CacheShape } from "./caches.ts";
import { zooEntry, type ZooOptions } from "./entry.ts";
import type { GraphBuilder, Value } from "./graph-builder.ts";
import { add, dimOf, multiply, reshape, shapeOf, slice, transpose, unsqueeze } from "./operators.ts";
import { attend, embedding, linear, lookUp, lowest, mergeHeads, rmsNorm, splitHeads } from "./transformers.ts";

export interface LlamaOptions extends ZooOptions {
  readonly vocabulary: number;
  readonly hidden: number;
  /** Of the gated products. */
  readonly inner: number;
  readonly heads: number;
  /** Of keys and values. */
  readonly groups: number;
  readonly depth: number;
}

interface Angles {
  readonly cos: string;
  readonly sin: string;
}

/** [batch, 1, length, size] each, from the positions. */
function angles(b: GraphBuilder, positions: string, size: number): Angles {
  const half = size / 2;
  const rates = b.buffer("inv_freq", [1, half, 1], () =>
    Float32Array.from({ length: half }, (_, i) => 1e4 ** (-i / half)),
  );
  const spread = b.node("Expand", [rates, shapeOf(b, [dimOf(b, positions, 0), half, 1])]);
  const places = b.node("Cast", [unsqueeze(b, positions, 1)], { to: BigInt(OnnxType.FLOAT) });
  const turns = transpose(b, b.node("MatMul", [spread, places]), 0, 2, 1);
  const both = b.node("Concat", [turns, turns], { axis: -1n });
  return { cos: unsqueeze(b, b.node("Cos", [both]), 1), sin: unsqueeze(b, b.node("Sin", [both]), 1) };
}

function rotated(b: GraphBuilder, x: string, { cos, sin }: Angles, size: number): string {
  const half = size / 2;
  const back = b.node("Neg", [slice(b, x, { axis: 3, start: half })]);
  const turned = b.node("Concat", [back, slice(b, x, { axis: 3, start: 0, end: half })], { axis: -1n });
  return b.node("Add", [b.node("Mul", [x, cos]), b.node("Mul", [turned, sin])]);
}

/** Every head of [batch, groups, length, size] as often as queries share it. */
function repeated(b: GraphBuilder, x: string, { heads, size }: CacheShape, times: number): string {
  if (times === 1) return x;
  const [batch, length] = [dimOf(b, x, 0), dimOf(b, x, 2)];
  const spread = b.node("Expand", [unsqueeze(b, x, 2), shapeOf(b, [batch, heads, times, length, size])]);
  return reshape(b, spread, [batch, heads * times, length, size]);
}

/** [batch, 1, queries, keys]: 0 where a key is no later than the query and not masked, a huge negative number elsewhere. */
function causalMask(b: GraphBuilder, mask: string, positions: string): string {
  const keys = b.node("Range", [b.int(0), dimOf(b, mask, 1), b.int(1)]);
  const earlier = b.node("LessOrEqual", [unsqueeze(b, keys, 0, 1, 2), unsqueeze(b, positions, 1, 3)]);
  const real = b.node("Cast", [unsqueeze(b, mask, 1, 2)], { to: BigInt(OnnxType.BOOL) });
  return b.node("Where", [b.node("And", [earlier, real]), b.float(0), b.float(lowest)]);
}

interface Layer {
  readonly index: number;
  readonly past: { readonly key: string; readonly value: string };
  readonly shape: CacheShape;
  readonly heads: number;
  readonly turns: Angles;
  readonly mask: string;
}

function selfAttention(b: GraphBuilder, x: Value, { index, past, shape, heads, turns, mask }: Layer): Value {
  const { size, heads: groups } = shape;
  const project = (name: string, count: number): string =>
    splitHeads(b, linear(b, x, { name, out: count * size, bias: false }), count);
  const [q, k, v] = [project("q_proj", heads), project("k_proj", groups), project("v_proj", groups)];
  const query = rotated(b, q, turns, size);
  const keys = extended(b, past.key, rotated(b, k, turns, size), `present.${index}.key`, shape);
  const values = extended(b, past.value, v, `present.${index}.value`, shape);
  const key = transpose(b, repeated(b, keys, shape, heads / groups), 0, 1, 3, 2);
  const value = repeated(b, values, shape, heads / groups);
  const adjust = (scores: string): string => b.node("Add", [scores, mask]);
  const mixed = mergeHeads(b, attend(b, { query, key, value, size, scaling: "scores", adjust }), heads * size);
  return linear(b, mixed, { name: "o_proj", out: x.width, bias: false, gain: 0.4 });
}

const cacheOf = ({ hidden, heads, groups, depth }: LlamaOptions): CacheShape => ({
  layers: depth,
  heads: groups,
  size: hidden / heads,
});

export const llama = zooEntry<LlamaOptions>({
  name: "llama",
  family: "transformer",
  task: "language model",
  defaults: { seed: 1, opset: 19, vocabulary: 400, hidden: 96, inner: 256, heads: 6, groups: 2, depth: 2 },
  published: {
    options: { vocabulary: 32_000, hidden: 2048, inner: 5632, heads: 32, groups: 4, depth: 22 },
    parameters: 1_100_048_384,
  },
  otherSizes: [
    { batch: 1, length: 9, past: 0 },
    { batch: 3, length: 1, past: 7 },
  ],
  graph(b, options) {
    const { vocabulary, hidden, inner, heads } = options;
    const shape = cacheOf(options);
    const inputs = decoderInputs(b, shape);
    const mask = causalMask(b, inputs.mask, inputs.positions);
    const turns = b.scope("model.rotary_emb", () => angles(b, inputs.positions, shape.size));
    let x = lookUp(b, embedding(b, "model.embed_tokens", vocabulary, hidden), inputs.ids, hidden);
    for (const [index, past] of inputs.past.entries()) {
      x = b.scope(`model.layers.${index}`, () => {
        const normed = rmsNorm(b, x, { name: "input_layernorm" });
        const layer = { index, past, shape, heads, turns, mask };
        const middle = add(
          b,
          x,
          b.scope("self_attn", () => selfAttention(b, normed, layer)),
        );
        const second = rmsNorm(b, middle, { name: "post_attention_layernorm" });
        const gate = silu(b, linear(b, second, { name: "mlp.gate_proj", out: inner, bias: false }));
        const wide = multiply(b, gate, linear(b, second, { name: "mlp.up_proj", out: inner, bias: false }));
        return add(b, middle, linear(b, wide, { name: "mlp.down_proj", out: hidden, bias: false, gain: 0.4 }));
      });
    }
    const last = rmsNorm(b, x, { name: "model.norm" });
    const logits = linear(b, last, { name: "lm_head", out: vocabulary, bias: false, gain: 2 });
    b.output(logits, "logits", ["batch", "sequence", vocabulary]);
  },
  inputs: (make, options, sizes) => decoderFeeds(make, options.vocabulary, cacheOf(options), sizes),
});
