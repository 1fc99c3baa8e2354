// SqueezeNet 1.1 (Iandola et al., 2016): fire modules of a narrow 1 by 1 and two wide branches; classes by convolution.
// Written as files of IR version 3 are, with the weights among the graph's inputs.
import { relu } from "./activations.ts";
import { conv, flatten, globalPool, maxPool } from "./convolutions.ts";
import { zooEntry } from "./entry.ts";
import type { GraphBuilder, Value } from "./graph-builder.ts";
import { openSizes, picture, pictures, times, type ImageOptions } from "./images.ts";
import { concat } from "./operators.ts";

function fire(b: GraphBuilder, x: Value, squeeze: number, expand: number): Value {
  const narrow = relu(b, conv(b, x, { name: "squeeze", out: squeeze, kernel: 1 }));
  const one = relu(b, conv(b, narrow, { name: "expand1x1", out: expand, kernel: 1 }));
  const three = relu(b, conv(b, narrow, { name: "expand3x3", out: expand, kernel: 3 }));
  return concat(b, [one, three]);
}

/** Squeezed and expanded channels of each module; a pool where there is none. */
const modules = [
  undefined,
  [16, 64],
  [16, 64],
  undefined,
  [32, 128],
  [32, 128],
  undefined,
  [48, 192],
  [48, 192],
  [64, 256],
  [64, 256],
] as const;

export const squeezenet = zooEntry<ImageOptions>({
  name: "squeezenet-1.1",
  family: "cnn",
  task: "image classification",
  defaults: { seed: 1, opset: 10, classes: 10, width: 1 / 2 },
  published: { options: { width: 1, classes: 1000 }, parameters: 1_235_496 },
  otherSizes: openSizes,
  form: { initializersAsInputs: true, constants: "initializers" },
  graph(b, { classes, width }) {
    let x = relu(
      b,
      conv(b, picture(b), { name: "features.0", out: times(64, width), kernel: 3, stride: 2, padding: 0 }),
    );
    for (const [index, module] of modules.entries()) {
      x = module
        ? b.scope(`features.${index + 2}`, () => fire(b, x, times(module[0], width), times(module[1], width)))
        : maxPool(b, x, { kernel: 3, stride: 2, ceil: true });
    }
    x = relu(b, conv(b, x, { name: "classifier.1", out: classes, kernel: 1, gain: 2 }));
    b.output(flatten(b, globalPool(b, x)), "logits", ["batch", classes]);
  },
  inputs: (make, _, sizes) => pictures(make, sizes),
});
