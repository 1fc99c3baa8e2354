// ViT-B/16 (Dosovitskiy et al., 2020): patches by a convolution, a class token, learned positions, norms first; one
// product for queries, keys and values, taken apart by Reshape, Transpose and Gather.
import { gelu } from "./activations.ts";
import { conv, gemm } from "./convolutions.ts";
import { zooEntry, type ZooOptions } from "./entry.ts";
import type { GraphBuilder, Value } from "./graph-builder.ts";
import { pictures } from "./images.ts";
import { unit } from "./moments.ts";
import { add, dimOf, reshape, shapeOf, transpose, valueOf } from "./operators.ts";
import { attend, layerNorm, linear, mergeHeads } from "./transformers.ts";

export interface VitOptions extends ZooOptions {
  readonly classes: number;
  readonly imageSize: number;
  readonly patch: number;
  readonly hidden: number;
  readonly heads: number;
  readonly depth: number;
  readonly gelu: "op" | "erf";
}

const epsilon = 1e-6;

function selfAttention(b: GraphBuilder, x: Value, heads: number): Value {
  const size = x.width / heads;
  const joint = linear(b, x, { name: "qkv", out: 3 * x.width });
  const parts = reshape(b, joint, [dimOf(b, x, 0), dimOf(b, x, 1), 3, heads, size]);
  const stacked = transpose(b, parts, 2, 0, 3, 1, 4);
  const part = (index: number): string => b.node("Gather", [stacked, b.int(index)], { axis: 0n });
  const [query, key, value] = [part(0), transpose(b, part(1), 0, 1, 3, 2), part(2)];
  const mixed = attend(b, { query, key, value, size, scaling: "operands" });
  return linear(b, mergeHeads(b, mixed, x.width), { name: "proj", out: x.width, gain: 0.5 });
}

export const vitB16 = zooEntry<VitOptions>({
  name: "vit-b-16",
  family: "transformer",
  task: "image classification",
  defaults: { seed: 1, opset: 13, classes: 10, imageSize: 64, patch: 16, hidden: 64, heads: 4, depth: 4, gelu: "erf" },
  published: { options: { classes: 1000, imageSize: 224, hidden: 768, heads: 12, depth: 12 }, parameters: 86_567_656 },
  otherSizes: [{ batch: 3 }],
  graph(b, { classes, imageSize, patch, hidden, heads, depth, gelu: form }) {
    const image = valueOf(b.input("image", ["batch", 3, imageSize, imageSize]), 3, unit(3));
    const patches = conv(b, image, { name: "conv_proj", out: hidden, kernel: patch, stride: patch, padding: 0 });
    const count = (imageSize / patch) ** 2;
    const rows = transpose(b, reshape(b, patches, [dimOf(b, image, 0), hidden, count]), 0, 2, 1);
    const [tokens, positions] = [b.random("class_token"), b.random("pos_embedding")];
    const token = b.parameter("class_token", [1, 1, hidden], () => tokens.normals(hidden));
    const expanded = b.node("Expand", [token, shapeOf(b, [dimOf(b, image, 0), 1, hidden])]);
    const places = b.parameter("pos_embedding", [1, count + 1, hidden], () =>
      positions.normals((count + 1) * hidden, 0, 0.3),
    );
    const joined = b.node("Concat", [expanded, rows], { axis: 1n });
    let x: Value = valueOf(b.node("Add", [joined, places]), hidden, unit(hidden));
    for (let layer = 0; layer < depth; layer++) {
      x = b.scope(`encoder.layers.${layer}`, () => {
        const mixed = add(b, selfAttention(b, layerNorm(b, x, { name: "ln_1", epsilon }), heads), x);
        const wide = linear(b, layerNorm(b, mixed, { name: "ln_2", epsilon }), { name: "mlp.0", out: 4 * hidden });
        return add(b, mixed, linear(b, gelu(form)(b, wide), { name: "mlp.3", out: hidden, gain: 0.5 }));
      });
    }
    x = layerNorm(b, x, { name: "encoder.ln", epsilon });
    const first = valueOf(b.node("Gather", [x, b.int(0)], { axis: 1n }), hidden, unit(hidden));
    b.output(gemm(b, first, { name: "heads.head", out: classes, gain: 2 }), "logits", ["batch", classes]);
  },
  inputs: (make, { imageSize }, { batch = 2 }) => pictures(make, { batch, height: imageSize, width: imageSize }),
});
