// BERT-base (Devlin et al., 2018): three embeddings summed, norms after each half of a layer, a mask added to the
// scores, a pooled first token.
import { OnnxType } from "../../src/formats/onnx/ir.ts";
import { gelu, tanh } from "./activations.ts";
import { gemm } from "./convolutions.ts";
import { zooEntry, type ZooOptions } from "./entry.ts";
import type { GraphBuilder, Value } from "./graph-builder.ts";
import { unit } from "./moments.ts";
import { add, dimOf, slice, unsqueeze, valueOf } from "./operators.ts";
import { attend, embedding, layerNorm, linear, lookUp, lowest, mergeHeads, splitHeads } from "./transformers.ts";

export interface BertOptions extends ZooOptions {
  readonly vocabulary: number;
  readonly positions: number;
  readonly hidden: number;
  readonly heads: number;
  readonly depth: number;
}

const epsilon = 1e-12;

function layer(b: GraphBuilder, x: Value, heads: number, adjust: (scores: string) => string): Value {
  const size = x.width / heads;
  const project = (name: string): Value => linear(b, x, { name: `attention.self.${name}`, out: x.width });
  const [q, k, v] = [project("query"), project("key"), project("value")];
  const parts = { query: splitHeads(b, q, heads), key: splitHeads(b, k, heads, "key"), value: splitHeads(b, v, heads) };
  const mixed = mergeHeads(b, attend(b, { ...parts, size, scaling: "scores", adjust }), x.width);
  const attended = linear(b, mixed, { name: "attention.output.dense", out: x.width, gain: 0.7 });
  const middle = layerNorm(b, add(b, attended, x), { name: "attention.output.LayerNorm", epsilon });
  const wide = gelu("erf")(b, linear(b, middle, { name: "intermediate.dense", out: 4 * x.width }));
  const narrow = linear(b, wide, { name: "output.dense", out: x.width, gain: 0.7 });
  return layerNorm(b, add(b, narrow, middle), { name: "output.LayerNorm", epsilon });
}

/** 0 where the mask of [batch, length] is 1, a huge negative number elsewhere; for scores of every head and query. */
export function additiveMask(b: GraphBuilder, mask: string): string {
  const spread = b.node("Cast", [unsqueeze(b, mask, 1, 2)], { to: BigInt(OnnxType.FLOAT) });
  return b.node("Mul", [b.node("Sub", [b.float(1), spread]), b.float(lowest)]);
}

export const bertBase = zooEntry<BertOptions>({
  name: "bert-base",
  family: "transformer",
  task: "text embedding",
  defaults: { seed: 1, opset: 12, vocabulary: 600, positions: 64, hidden: 96, heads: 4, depth: 2 },
  published: {
    options: { vocabulary: 30_522, positions: 512, hidden: 768, heads: 12, depth: 12 },
    parameters: 109_482_240,
  },
  otherSizes: [
    { batch: 1, length: 5 },
    { batch: 4, length: 40 },
  ],
  graph(b, { vocabulary, positions, hidden, heads, depth }) {
    const dims = ["batch", "sequence"];
    const ids = b.input("input_ids", dims, OnnxType.INT64);
    const mask = b.input("attention_mask", dims, OnnxType.INT64);
    const types = b.input("token_type_ids", dims, OnnxType.INT64);
    const adjustment = additiveMask(b, mask);
    let x = b.scope("embeddings", () => {
      const places = b.table("position_ids", [1, positions], () => Array.from({ length: positions }, (_, at) => at));
      const end = unsqueeze(b, dimOf(b, ids, 1), 0);
      const words = lookUp(b, embedding(b, "word_embeddings", vocabulary, hidden), ids, hidden);
      const kinds = lookUp(b, embedding(b, "token_type_embeddings", 2, hidden), types, hidden);
      const table = embedding(b, "position_embeddings", positions, hidden);
      const placed = lookUp(b, table, slice(b, places, { axis: 1, start: 0, end }), hidden);
      return layerNorm(b, add(b, add(b, words, kinds), placed), { name: "LayerNorm", epsilon });
    });
    for (let index = 0; index < depth; index++) {
      x = b.scope(`encoder.layer.${index}`, () => layer(b, x, heads, (scores) => b.node("Add", [scores, adjustment])));
    }
    b.output(x, "last_hidden_state", [...dims, hidden]);
    const first = valueOf(b.node("Gather", [x, b.int(0)], { axis: 1n }), hidden, unit(hidden));
    b.output(tanh(b, gemm(b, first, { name: "pooler.dense", out: hidden })), "pooler_output", ["batch", hidden]);
  },
  // The second half of the last row is padding, as a batch of unlike texts has it.
  inputs(make, { vocabulary }, { batch = 2, length = 16 }) {
    const dims = [batch, length];
    return [
      make.integers("input_ids", dims, 0, vocabulary),
      make.byIndex("attention_mask", dims, (column, row) => (row < batch - 1 || 2 * column < length ? 1 : 0)),
      make.byIndex("token_type_ids", dims, (column) => (3 * column < length ? 0 : 1)),
    ];
  },
});
