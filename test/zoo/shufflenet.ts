// ShuffleNetV2 (Ma et al., 2018): halves of the channels split, convolved and concatenated, then shuffled by Reshape,
// Transpose, Reshape.
import { relu } from "./activations.ts";
import { convNorm, gemm, maxPool, spaceless } from "./convolutions.ts";
import { zooEntry } from "./entry.ts";
import type { GraphBuilder, Value } from "./graph-builder.ts";
import { openSizes, picture, pictures, type NormedOptions } from "./images.ts";
import { concat, dimOf, reduceMean, reshape, sampled, sampleOf, split, transpose } from "./operators.ts";
import { pick } from "./sample.ts";

/** Of the stages at width 1, whose last convolution has 1024 channels. */
const stages = [
  [116, 4],
  [232, 8],
  [464, 4],
] as const;

interface Branch {
  readonly path: string;
  readonly from: number;
  readonly out: number;
  readonly stride: number;
  readonly fold: boolean;
}

/** [pointwise], depthwise, pointwise. */
function longBranch(b: GraphBuilder, x: Value, { path, out, stride, fold }: Branch): Value {
  const step = (from: Value, at: number, kernel: number, groups: number): Value =>
    convNorm(b, from, {
      name: `${path}.${at}`,
      norm: `${path}.${at + 1}`,
      out,
      kernel,
      groups,
      stride: kernel === 3 ? stride : 1,
      fold,
    });
  const inside = relu(b, step(x, 0, 1, 1));
  return relu(b, step(step(inside, 3, 3, out), 5, 1, 1));
}

/** Depthwise, pointwise: of the block that halves the size. */
function shortBranch(b: GraphBuilder, x: Value, { path, from, out, stride, fold }: Branch): Value {
  const first = { name: `${path}.0`, norm: `${path}.1`, out: from, kernel: 3, groups: from, stride, fold };
  const second = { name: `${path}.2`, norm: `${path}.3`, out, kernel: 1, fold };
  return relu(b, convNorm(b, convNorm(b, x, first), second));
}

/** The first or the second half of the channels, under its name. */
function halfOf(x: Value, name: string, index: 0 | 1): Value {
  const half = x.width / 2;
  const order = Array.from({ length: half }, (_, at) => index * half + at);
  return sampled(name, half, () => pick([sampleOf(x)], order));
}

/** Channels of two groups, one by one. */
function shuffle(b: GraphBuilder, x: Value): Value {
  const dims = [0, 2, 3].map((axis) => dimOf(b, x, axis));
  const [batch = "", height = "", width = ""] = dims;
  const groups = reshape(b, x, [batch, 2, x.width / 2, height, width]);
  const rows = reshape(b, transpose(b, groups, 0, 2, 1, 3, 4), [batch, x.width, height, width]);
  const order = Array.from({ length: x.width }, (_, at) => (at % 2) * (x.width / 2) + Math.floor(at / 2));
  return sampled(rows, x.width, () => pick([sampleOf(x)], order));
}

export const shufflenetV2 = zooEntry<NormedOptions>({
  name: "shufflenet-v2",
  family: "cnn",
  task: "image classification",
  defaults: { seed: 1, opset: 10, classes: 10, width: 1 / 4, foldNorms: false },
  published: { options: { width: 1, classes: 1000, foldNorms: false }, parameters: 2_278_604 },
  otherSizes: openSizes,
  graph(b, { classes, width, foldNorms: fold }) {
    const even = (channels: number): number => 2 * Math.max(4, Math.round((channels * width) / 2));
    const stem = { name: "conv1.0", norm: "conv1.1", out: even(24), kernel: 3, stride: 2, fold };
    let x = maxPool(b, relu(b, convNorm(b, picture(b), stem)), { kernel: 3, stride: 2, padding: 1 });
    for (const [stage, [channels, blocks]] of stages.entries()) {
      const half = even(channels) / 2;
      for (let index = 0; index < blocks; index++) {
        const before = x;
        x = b.scope(`stage${stage + 2}.${index}`, () => {
          const shape = { from: before.width, out: half, fold };
          if (index === 0) {
            const short = shortBranch(b, before, { ...shape, path: "branch1", stride: 2 });
            return shuffle(b, concat(b, [short, longBranch(b, before, { ...shape, path: "branch2", stride: 2 })]));
          }
          const [kept = "", changed = ""] = split(b, before, [half, half], 1);
          const long = longBranch(b, halfOf(before, changed, 1), { ...shape, path: "branch2", stride: 1 });
          return shuffle(b, concat(b, [halfOf(before, kept, 0), long]));
        });
      }
    }
    x = relu(b, convNorm(b, x, { name: "conv5.0", norm: "conv5.1", out: even(1024), kernel: 1, fold }));
    const pooled = spaceless(x, reduceMean(b, x, [2, 3], false));
    b.output(gemm(b, pooled, { name: "fc", out: classes, gain: 2 }), "logits", ["batch", classes]);
  },
  inputs: (make, _, sizes) => pictures(make, sizes),
});
