// DenseNet-121 (Huang et al., 2016): every layer sees all before it by concatenation, norms come before convolutions,
// so most of them cannot be folded.
import { relu } from "./activations.ts";
import { averagePool, batchNorm, conv, convNorm, maxPool, poolingHead } from "./convolutions.ts";
import { zooEntry } from "./entry.ts";
import type { GraphBuilder, Value } from "./graph-builder.ts";
import { openSizes, picture, pictures } from "./images.ts";
import type { ZooOptions } from "./entry.ts";
import { concat } from "./operators.ts";

export interface DenseNetOptions extends ZooOptions {
  readonly classes: number;
  /** Channels that a layer adds; the first convolution has twice as many. */
  readonly growth: number;
  readonly depths: readonly number[];
  /** The norms between the two convolutions of a layer, and the first one, go into the convolution before. */
  readonly foldNorms: boolean;
}

/** A 1 by 1 to four times the growth, then a 3 by 3. */
function layer(b: GraphBuilder, x: Value, growth: number, fold: boolean): Value {
  const before = relu(b, batchNorm(b, x, { name: "norm1" }));
  const inside = convNorm(b, before, { name: "conv1", norm: "norm2", out: 4 * growth, kernel: 1, fold });
  return conv(b, relu(b, inside), { name: "conv2", out: growth, kernel: 3, bias: false });
}

export const densenet121 = zooEntry<DenseNetOptions>({
  name: "densenet-121",
  family: "cnn",
  task: "image classification",
  defaults: { seed: 1, opset: 9, classes: 10, growth: 6, depths: [6, 12, 24, 16], foldNorms: true },
  published: { options: { growth: 32, classes: 1000, foldNorms: false }, parameters: 7_978_856 },
  otherSizes: openSizes,
  form: { constants: "initializers" },
  graph(b, { classes, growth, depths, foldNorms: fold }) {
    const stem = { name: "features.conv0", norm: "features.norm0", out: 2 * growth, kernel: 7, stride: 2, fold };
    let x = maxPool(b, relu(b, convNorm(b, picture(b), stem)), { kernel: 3, stride: 2, padding: 1 });
    for (const [stage, depth] of depths.entries()) {
      const parts = [x];
      for (let index = 0; index < depth; index++) {
        const path = `features.denseblock${stage + 1}.denselayer${index + 1}`;
        parts.push(b.scope(path, () => layer(b, parts.length > 1 ? concat(b, parts) : x, growth, fold)));
      }
      x = concat(b, parts);
      if (stage === depths.length - 1) break;
      x = b.scope(`features.transition${stage + 1}`, () => {
        const normed = relu(b, batchNorm(b, x, { name: "norm" }));
        const half = conv(b, normed, { name: "conv", out: Math.floor(x.width / 2), kernel: 1, bias: false });
        return averagePool(b, half, { kernel: 2 });
      });
    }
    x = relu(b, batchNorm(b, x, { name: "features.norm5" }));
    b.output(poolingHead(b, x, "classifier", classes), "logits", ["batch", classes]);
  },
  inputs: (make, _, sizes) => pictures(make, sizes),
});
