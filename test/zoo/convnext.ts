// ConvNeXt-T (Liu et al., 2022): depthwise 7 by 7, then a norm and two products over channels laid last, a learned
// scale, Transpose in and out; layer norms where other convolutional networks have batch norms.
import { gelu } from "./activations.ts";
import { conv, flatten, gemm, globalPool } from "./convolutions.ts";
import { zooEntry } from "./entry.ts";
import type { GraphBuilder, Value } from "./graph-builder.ts";
import { openSizes, picture, pictures, times, type ImageOptions } from "./images.ts";
import { even } from "./moments.ts";
import { add, multiply, renamed, transpose, valueOf } from "./operators.ts";
import { layerNorm, linear } from "./transformers.ts";

export interface ConvNextOptions extends ImageOptions {
  readonly depths: readonly number[];
  /** "op" needs operator set 20. */
  readonly gelu: "op" | "erf";
}

const epsilon = 1e-6;

const channelsLast = (b: GraphBuilder, x: Value): Value => renamed(x, transpose(b, x, 0, 2, 3, 1));
const channelsFirst = (b: GraphBuilder, x: Value): Value => renamed(x, transpose(b, x, 0, 3, 1, 2));
const norm2d = (b: GraphBuilder, x: Value, name: string): Value =>
  channelsFirst(b, layerNorm(b, channelsLast(b, x), { name, epsilon }));

function block(b: GraphBuilder, x: Value, form: ConvNextOptions["gelu"]): Value {
  const deep = conv(b, x, { name: "block.0", out: x.width, kernel: 7, groups: x.width });
  const normed = layerNorm(b, channelsLast(b, deep), { name: "block.2", epsilon });
  const wide = gelu(form)(b, linear(b, normed, { name: "block.3", out: 4 * x.width }));
  const narrow = channelsFirst(b, linear(b, wide, { name: "block.5", out: x.width }));
  const scales = b.random("layer_scale");
  const scale = b.parameter("layer_scale", [x.width, 1, 1], () => scales.normals(x.width, 0.5, 0.15));
  return add(b, multiply(b, narrow, valueOf(scale, x.width, even(x.width, 0.5, 0.02))), x);
}

export const convnextTiny = zooEntry<ConvNextOptions>({
  name: "convnext-tiny",
  family: "cnn",
  task: "image classification",
  defaults: { seed: 1, opset: 21, classes: 10, width: 1 / 12, depths: [3, 3, 9, 3], gelu: "op" },
  published: { options: { width: 1, classes: 1000 }, parameters: 28_589_128 },
  otherSizes: openSizes,
  graph(b, { classes, width, depths, gelu: form }) {
    const stem = conv(b, picture(b), { name: "features.0.0", out: times(96, width), kernel: 4, stride: 4, padding: 0 });
    let x = norm2d(b, stem, "features.0.1");
    for (const [stage, depth] of depths.entries()) {
      if (stage > 0) {
        x = norm2d(b, x, `features.${2 * stage}.0`);
        const half = { out: times(96 * 2 ** stage, width), kernel: 2, stride: 2, padding: 0 };
        x = conv(b, x, { name: `features.${2 * stage}.1`, ...half });
      }
      for (let index = 0; index < depth; index++) {
        x = b.scope(`features.${2 * stage + 1}.${index}`, () => block(b, x, form));
      }
    }
    x = flatten(b, norm2d(b, globalPool(b, x), "classifier.0"));
    b.output(gemm(b, x, { name: "classifier.2", out: classes, gain: 2 }), "logits", ["batch", classes]);
  },
  inputs: (make, _, sizes) => pictures(make, sizes),
});
