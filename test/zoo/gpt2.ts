// GPT-2 (Radford et al., 2019): norms first, products written as Reshape, Gemm, Reshape, one of them for queries, keys
// and values, a triangle of truth values cut to size as causal mask, a cache, the embedding shared with the head.
import { gelu } from "./activations.ts";
import { additiveMask } from "./bert.ts";
import { decoderFeeds, decoderInputs, extended, type CacheShape } from "./caches.ts";
import type { LinearOptions } from "./convolutions.ts";
import { zooEntry, type ZooOptions } from "./entry.ts";
import type { GraphBuilder, Value } from "./graph-builder.ts";
import { unit } from "./moments.ts";
import { add, dimOf, reshape, slice, split, transpose, unsqueeze, valueOf } from "./operators.ts";
import { attend, embedding, layerNorm, lookUp, lowest, mergeHeads, splitHeads, tiedHead } from "./transformers.ts";
import { drawBias, drawMatrix, transposed } from "./weights.ts";

export interface Gpt2Options extends ZooOptions {
  readonly vocabulary: number;
  readonly positions: number;
  readonly hidden: number;
  readonly heads: number;
  readonly depth: number;
}

/** A product of flattened rows with an [in, out] weight. */
function rowProduct(b: GraphBuilder, x: Value, { name, out, gain = 1 }: LinearOptions): Value {
  return b.scope(name, () => {
    const drawn = drawMatrix(b.random("weight"), x, out, gain);
    const shift = drawBias(b.random("bias"), drawn, gain);
    const weight = b.parameter("weight", [x.width, out], () => transposed(drawn().values, out, x.width));
    const bias = b.parameter("bias", [out], () => shift().values);
    const product = b.node("Gemm", [reshape(b, x, [-1, x.width]), weight, bias], { alpha: 1, beta: 1 });
    const shaped = reshape(b, product, [dimOf(b, x, 0), dimOf(b, x, 1), out]);
    return valueOf(shaped, out, () => shift().moments);
  });
}

interface Layer {
  readonly index: number;
  readonly past: { readonly key: string; readonly value: string };
  readonly shape: CacheShape;
  readonly positions: number;
  readonly mask: string;
}

function selfAttention(b: GraphBuilder, x: Value, { index, past, shape, positions, mask }: Layer): Value {
  const joint = rowProduct(b, x, { name: "c_attn", out: 3 * x.width });
  const [query, key, value] = split(b, joint, [x.width, x.width, x.width], 2).map((part) =>
    splitHeads(b, valueOf(part, x.width, unit(x.width)), shape.heads),
  );
  const keys = extended(b, past.key, key ?? "", `present.${index}.key`, shape);
  const values = extended(b, past.value, value ?? "", `present.${index}.value`, shape);
  const adjust = (scores: string): string => {
    const [rows, columns] = [dimOf(b, scores, 2), dimOf(b, scores, 3)];
    const [start, end] = [unsqueeze(b, b.node("Sub", [columns, rows]), 0), unsqueeze(b, columns, 0)];
    const triangle = (): number[] =>
      Array.from({ length: positions ** 2 }, (_, at) => (at % positions <= Math.floor(at / positions) ? 1 : 0));
    const whole = b.table("bias", [1, 1, positions, positions], triangle, "bool");
    const cut = slice(b, slice(b, whole, { axis: 2, start, end }), { axis: 3, start: 0, end });
    return b.node("Add", [b.node("Where", [cut, scores, b.float(lowest)]), mask]);
  };
  const transposedKeys = transpose(b, keys, 0, 1, 3, 2);
  const parts = { query: query ?? "", key: transposedKeys, value: values };
  const mixed = attend(b, { ...parts, size: shape.size, scaling: "scores", adjust });
  return rowProduct(b, mergeHeads(b, mixed, x.width), { name: "c_proj", out: x.width, gain: 0.4 });
}

const cacheOf = ({ hidden, heads, depth }: Gpt2Options): CacheShape => ({ layers: depth, heads, size: hidden / heads });

export const gpt2 = zooEntry<Gpt2Options>({
  name: "gpt-2",
  family: "transformer",
  task: "language model",
  defaults: { seed: 1, opset: 14, vocabulary: 500, positions: 48, hidden: 96, heads: 4, depth: 2 },
  published: {
    options: { vocabulary: 50_257, positions: 1024, hidden: 768, heads: 12, depth: 12 },
    parameters: 124_439_808,
  },
  otherSizes: [
    { batch: 1, length: 9, past: 0 },
    { batch: 3, length: 1, past: 7 },
  ],
  graph(b, options) {
    const { vocabulary, positions, hidden } = options;
    const shape = cacheOf(options);
    const inputs = decoderInputs(b, shape);
    const mask = additiveMask(b, inputs.mask);
    const table = embedding(b, "wte", vocabulary, hidden);
    const places = lookUp(b, embedding(b, "wpe", positions, hidden, 0.15), inputs.positions, hidden, 0.15);
    let x = add(b, lookUp(b, table, inputs.ids, hidden), places);
    for (const [index, past] of inputs.past.entries()) {
      x = b.scope(`h.${index}`, () => {
        const normed = layerNorm(b, x, { name: "ln_1" });
        const layer = { index, past, shape, positions, mask };
        const middle = add(
          b,
          b.scope("attn", () => selfAttention(b, normed, layer)),
          x,
        );
        const wide = rowProduct(b, layerNorm(b, middle, { name: "ln_2" }), { name: "mlp.c_fc", out: 4 * hidden });
        return add(b, middle, rowProduct(b, gelu("tanh")(b, wide), { name: "mlp.c_proj", out: hidden, gain: 0.4 }));
      });
    }
    const logits = tiedHead(b, layerNorm(b, x, { name: "ln_f" }), table, vocabulary);
    b.output(logits, "logits", ["batch", "sequence", vocabulary]);
  },
  inputs: (make, options, sizes) => decoderFeeds(make, options.vocabulary, cacheOf(options), sizes),
});
