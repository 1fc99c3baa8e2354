// GoogLeNet (Szegedy et al., 2014) with batch norms, without its auxiliary heads: four branches side by side.
import { relu } from "./activations.ts";
import { convNorm, maxPool, poolingHead } from "./convolutions.ts";
import { zooEntry } from "./entry.ts";
import type { GraphBuilder, Value } from "./graph-builder.ts";
import { openSizes, picture, pictures, times, type NormedOptions } from "./images.ts";
import { concat } from "./operators.ts";

export interface GoogLeNetOptions extends NormedOptions {
  /** Kernel of the third branch: 5 in the paper, 3 in torchvision. */
  readonly wideKernel: 3 | 5;
}

/** Channels of: 1 by 1; before and of 3 by 3; before and of the wide one; after the pool. */
type Row = readonly [string, number, number, number, number, number, number];

const rows: readonly (Row | { readonly kernel: number })[] = [
  ["inception3a", 64, 96, 128, 16, 32, 32],
  ["inception3b", 128, 128, 192, 32, 96, 64],
  { kernel: 3 },
  ["inception4a", 192, 96, 208, 16, 48, 64],
  ["inception4b", 160, 112, 224, 24, 64, 64],
  ["inception4c", 128, 128, 256, 24, 64, 64],
  ["inception4d", 112, 144, 288, 32, 64, 64],
  ["inception4e", 256, 160, 320, 32, 128, 128],
  { kernel: 2 },
  ["inception5a", 256, 160, 320, 32, 128, 128],
  ["inception5b", 384, 192, 384, 48, 128, 128],
];

export const googlenet = zooEntry<GoogLeNetOptions>({
  name: "googlenet",
  family: "cnn",
  task: "image classification",
  defaults: { seed: 1, opset: 12, classes: 10, width: 1 / 6, foldNorms: true, wideKernel: 5 },
  published: { options: { width: 1, classes: 1000, foldNorms: false, wideKernel: 3 }, parameters: 6_624_904 },
  otherSizes: openSizes,
  graph(b, { classes, width, foldNorms: fold, wideKernel }) {
    const step = (x: Value, path: string, channels: number, kernel: number, stride = 1): Value => {
      const names = { name: `${path}.conv`, norm: `${path}.bn` };
      return relu(b, convNorm(b, x, { ...names, out: times(channels, width), kernel, stride, epsilon: 1e-3, fold }));
    };
    let x = step(picture(b), "conv1", 64, 7, 2);
    x = maxPool(b, x, { kernel: 3, stride: 2, ceil: true });
    x = step(step(x, "conv2", 64, 1), "conv3", 192, 3);
    x = maxPool(b, x, { kernel: 3, stride: 2, ceil: true });
    for (const row of rows) {
      if ("kernel" in row) x = maxPool(b, x, { kernel: row.kernel, stride: 2, ceil: true });
      else x = b.scope(row[0], () => inception(b, x, row, wideKernel, step));
    }
    b.output(poolingHead(b, x, "fc", classes), "logits", ["batch", classes]);
  },
  inputs: (make, _, sizes) => pictures(make, sizes),
});

function inception(
  b: GraphBuilder,
  x: Value,
  [, one, beforeThree, three, beforeWide, wide, pooled]: Row,
  wideKernel: number,
  step: (x: Value, path: string, channels: number, kernel: number) => Value,
): Value {
  return concat(b, [
    step(x, "branch1", one, 1),
    step(step(x, "branch2.0", beforeThree, 1), "branch2.1", three, 3),
    step(step(x, "branch3.0", beforeWide, 1), "branch3.1", wide, wideKernel),
    step(maxPool(b, x, { kernel: 3, stride: 1, padding: 1 }), "branch4.1", pooled, 1),
  ]);
}
