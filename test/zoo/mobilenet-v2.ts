// MobileNetV2 (Sandler et al., 2018): inverted bottlenecks with a linear end, depthwise 3 by 3, ReLU6 as Clip.
import { relu6 } from "./activations.ts";
import { convNorm, poolingHead, scaledChannels } from "./convolutions.ts";
import { zooEntry } from "./entry.ts";
import type { GraphBuilder, Value } from "./graph-builder.ts";
import { openSizes, picture, pictures, type NormedOptions } from "./images.ts";
import { add } from "./operators.ts";

/** Expansion, channels, blocks, stride of the first. */
const stages = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

interface Shape {
  readonly expansion: number;
  readonly out: number;
  readonly stride: number;
  readonly fold: boolean;
}

function bottleneck(b: GraphBuilder, x: Value, { expansion, out, stride, fold }: Shape): Value {
  const wide = x.width * expansion;
  let at = 0;
  let inside = x;
  if (expansion > 1) {
    inside = relu6(b, convNorm(b, x, { name: `conv.${at}.0`, norm: `conv.${at}.1`, out: wide, kernel: 1, fold }));
    at++;
  }
  const depthwise = { name: `conv.${at}.0`, norm: `conv.${at}.1`, out: wide, kernel: 3, stride, groups: wide };
  inside = relu6(b, convNorm(b, inside, { ...depthwise, fold }));
  const end = { name: `conv.${at + 1}`, norm: `conv.${at + 2}`, out, kernel: 1, gain: 0.8 };
  inside = convNorm(b, inside, { ...end, fold });
  return stride === 1 && x.width === out ? add(b, x, inside) : inside;
}

export const mobilenetV2 = zooEntry<NormedOptions>({
  name: "mobilenet-v2",
  family: "cnn",
  task: "image classification",
  defaults: { seed: 1, opset: 12, classes: 10, width: 0.35, foldNorms: true },
  published: { options: { width: 1, classes: 1000, foldNorms: false }, parameters: 3_504_872 },
  otherSizes: openSizes,
  graph(b, { classes, width, foldNorms: fold }) {
    const ends = (x: Value, name: string, out: number, kernel: number, stride: number): Value =>
      relu6(b, convNorm(b, x, { name: `${name}.0`, norm: `${name}.1`, out, kernel, stride, fold }));
    let x = ends(picture(b), "features.0", scaledChannels(32, width), 3, 2);
    let index = 1;
    for (const [expansion, channels, blocks, first] of stages) {
      for (let repeat = 0; repeat < blocks; repeat++, index++) {
        const shape = { expansion, out: scaledChannels(channels, width), stride: repeat === 0 ? first : 1, fold };
        x = b.scope(`features.${index}`, () => bottleneck(b, x, shape));
      }
    }
    x = ends(x, `features.${index}`, scaledChannels(1280, width), 1, 1);
    b.output(poolingHead(b, x, "classifier.1", classes), "logits", ["batch", classes]);
  },
  inputs: (make, _, sizes) => pictures(make, sizes),
});
