// LeNet-5 as it is taught today: two convolutions and three products over 28 by 28 digits (LeCun et al., 1998; every
// map of the second convolution sees all six of the first).
import { relu, tanh, type Activation } from "./activations.ts";
import { averagePool, conv, flatten, gemm, maxPool } from "./convolutions.ts";
import { zooEntry, type ZooOptions } from "./entry.ts";
import type { Value } from "./graph-builder.ts";
import { sampledPicture } from "./images.ts";

export interface LeNetOptions extends ZooOptions {
  readonly classes: number;
  /** "tanh" goes with average pooling, as in the paper, "relu" with max pooling. */
  readonly activation: "tanh" | "relu";
}

export const lenet5 = zooEntry<LeNetOptions>({
  name: "lenet-5",
  family: "cnn",
  task: "image classification",
  defaults: { seed: 1, opset: 9, classes: 10, activation: "tanh" },
  published: { options: {}, parameters: 61_706 },
  otherSizes: [{ batch: 5 }],
  graph(b, { classes, activation }) {
    const [act, pool]: readonly [Activation, typeof maxPool] =
      activation === "tanh" ? [tanh, averagePool] : [relu, maxPool];
    let x: Value = sampledPicture(b, b.input("image", ["batch", 1, 28, 28]), 1, 28);
    x = pool(b, act(b, conv(b, x, { name: "conv1", out: 6, kernel: 5 })), { kernel: 2 });
    x = pool(b, act(b, conv(b, x, { name: "conv2", out: 16, kernel: 5, padding: 0 })), { kernel: 2 });
    x = flatten(b, x, 25);
    x = act(b, gemm(b, x, { name: "fc1", out: 120 }));
    x = act(b, gemm(b, x, { name: "fc2", out: 84 }));
    b.output(gemm(b, x, { name: "fc3", out: classes, gain: 2 }), "logits", ["batch", classes]);
  },
  inputs: (make, _, { batch = 2 }) => [make.normal("image", [batch, 1, 28, 28])],
});
