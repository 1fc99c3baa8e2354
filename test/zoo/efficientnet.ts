// EfficientNet-B0 (Tan and Le, 2019): inverted bottlenecks with squeeze-and-excitation, SiLU as Sigmoid and Mul.
import { sigmoid, silu } from "./activations.ts";
import { convNorm, excitation, poolingHead, scaledChannels } from "./convolutions.ts";
import { zooEntry } from "./entry.ts";
import type { GraphBuilder, Value } from "./graph-builder.ts";
import { openSizes, picture, pictures, type NormedOptions } from "./images.ts";
import { add } from "./operators.ts";

export interface EfficientNetOptions extends NormedOptions {
  /** Multiplies the blocks of each stage. */
  readonly depth: number;
}

/** Expansion, kernel, stride, channels, blocks. */
const stages = [
  [1, 3, 1, 16, 1],
  [6, 3, 2, 24, 2],
  [6, 5, 2, 40, 2],
  [6, 3, 2, 80, 3],
  [6, 5, 1, 112, 3],
  [6, 5, 2, 192, 4],
  [6, 3, 1, 320, 1],
] as const;

interface Shape {
  readonly expansion: number;
  readonly kernel: number;
  readonly stride: number;
  readonly out: number;
  readonly fold: boolean;
}

function block(b: GraphBuilder, x: Value, { expansion, kernel, stride, out, fold }: Shape): Value {
  const wide = x.width * expansion;
  let at = 0;
  const names = (): { name: string; norm: string } => ({ name: `block.${at}.0`, norm: `block.${at++}.1` });
  let inside = x;
  if (expansion > 1) inside = silu(b, convNorm(b, inside, { ...names(), out: wide, kernel: 1, fold }));
  inside = silu(b, convNorm(b, inside, { ...names(), out: wide, kernel, stride, groups: wide, fold }));
  const squeeze = Math.max(1, Math.floor(x.width / 4));
  inside = excitation(b, inside, {
    name: `block.${at++}`,
    squeeze,
    gate: sigmoid,
    activation: silu,
    pooling: "mean",
  });
  inside = convNorm(b, inside, { ...names(), out, kernel: 1, gain: 0.8, fold });
  return stride === 1 && x.width === out ? add(b, inside, x) : inside;
}

export const efficientnetB0 = zooEntry<EfficientNetOptions>({
  name: "efficientnet-b0",
  family: "cnn",
  task: "image classification",
  defaults: { seed: 1, opset: 16, classes: 10, width: 0.25, depth: 1, foldNorms: true },
  published: { options: { width: 1, depth: 1, classes: 1000, foldNorms: false }, parameters: 5_288_548 },
  otherSizes: openSizes,
  graph(b, { classes, width, depth, foldNorms: fold }) {
    const ends = (from: Value, path: string, out: number, kernel: number, stride: number): Value =>
      silu(b, convNorm(b, from, { name: `${path}.0`, norm: `${path}.1`, out, kernel, stride, fold }));
    let x = ends(picture(b, 128), "features.0", scaledChannels(32, width), 3, 2);
    for (const [stage, [expansion, kernel, first, channels, blocks]] of stages.entries()) {
      for (let index = 0; index < Math.ceil(blocks * depth); index++) {
        const shape = {
          expansion,
          kernel,
          stride: index === 0 ? first : 1,
          out: scaledChannels(channels, width),
          fold,
        };
        x = b.scope(`features.${stage + 1}.${index}`, () => block(b, x, shape));
      }
    }
    x = ends(x, `features.${stages.length + 1}`, scaledChannels(1280, width), 1, 1);
    b.output(poolingHead(b, x, "classifier.1", classes), "logits", ["batch", classes]);
  },
  inputs: (make, _, sizes) => pictures(make, sizes),
});
