// MobileNetV3 (Howard et al., 2019), small and large: inverted bottlenecks of hand-picked widths, some with squeeze-
// and-excitation, hard-swish and hard-sigmoid as operators or as the primitives of older files.
import { hardSigmoid, hardSwish, relu, type Activation } from "./activations.ts";
import { convNorm, excitation, flatten, gemm, globalPool, scaledChannels } from "./convolutions.ts";
import { zooEntry, type ZooEntry } from "./entry.ts";
import type { GraphBuilder, Value } from "./graph-builder.ts";
import { openSizes, picture, pictures, type NormedOptions } from "./images.ts";
import { add } from "./operators.ts";

export interface MobileNetV3Options extends NormedOptions {
  /** How hard-swish and hard-sigmoid are written; "op" needs operator set 14. */
  readonly activations: "op" | "gated" | "primitive";
}

/** Kernel, expanded channels, channels, excitation, hard-swish, stride. */
type Row = readonly [kernel: number, wide: number, out: number, excited: boolean, hard: boolean, stride: number];

const smallRows: readonly Row[] = [
  [3, 16, 16, true, false, 2],
  [3, 72, 24, false, false, 2],
  [3, 88, 24, false, false, 1],
  [5, 96, 40, true, true, 2],
  [5, 240, 40, true, true, 1],
  [5, 240, 40, true, true, 1],
  [5, 120, 48, true, true, 1],
  [5, 144, 48, true, true, 1],
  [5, 288, 96, true, true, 2],
  [5, 576, 96, true, true, 1],
  [5, 576, 96, true, true, 1],
];

const largeRows: readonly Row[] = [
  [3, 16, 16, false, false, 1],
  [3, 64, 24, false, false, 2],
  [3, 72, 24, false, false, 1],
  [5, 72, 40, true, false, 2],
  [5, 120, 40, true, false, 1],
  [5, 120, 40, true, false, 1],
  [3, 240, 80, false, true, 2],
  [3, 200, 80, false, true, 1],
  [3, 184, 80, false, true, 1],
  [3, 184, 80, false, true, 1],
  [3, 480, 112, true, true, 1],
  [3, 672, 112, true, true, 1],
  [5, 672, 160, true, true, 2],
  [5, 960, 160, true, true, 1],
  [5, 960, 160, true, true, 1],
];

/** torchvision's. */
const epsilon = 1e-3;

function bottleneck(
  b: GraphBuilder,
  x: Value,
  [kernel, expanded, channels, excited, hard, stride]: Row,
  { width, foldNorms: fold, activations }: MobileNetV3Options,
): Value {
  const [wide, out] = [scaledChannels(expanded, width), scaledChannels(channels, width)];
  const activate: Activation = hard ? hardSwish(activations) : relu;
  let inside = x;
  let at = 0;
  const names = (): { name: string; norm: string } => ({ name: `block.${at}.0`, norm: `block.${at++}.1` });
  if (wide !== x.width) {
    inside = activate(b, convNorm(b, inside, { ...names(), out: wide, kernel: 1, epsilon, fold }));
  }
  inside = activate(b, convNorm(b, inside, { ...names(), out: wide, kernel, stride, groups: wide, epsilon, fold }));
  if (excited) {
    const gate = hardSigmoid(activations === "primitive" ? "primitive" : "op");
    inside = excitation(b, inside, { name: `block.${at++}`, squeeze: scaledChannels(wide / 4), gate });
  }
  inside = convNorm(b, inside, { ...names(), out, kernel: 1, epsilon, fold, gain: 0.8 });
  return stride === 1 && x.width === out ? add(b, x, inside) : inside;
}

const mobilenetV3 = (
  name: string,
  rows: readonly Row[],
  hidden: number,
  defaults: MobileNetV3Options,
  parameters: number,
): ZooEntry<MobileNetV3Options> =>
  zooEntry<MobileNetV3Options>({
    name,
    family: "cnn",
    task: "image classification",
    defaults,
    published: { options: { width: 1, classes: 1000, foldNorms: false }, parameters },
    otherSizes: openSizes,
    graph(b, options) {
      const { classes, width, foldNorms: fold, activations } = options;
      const swish = hardSwish(activations);
      const ends = (from: Value, at: number, out: number, kernel: number, stride: number): Value => {
        const names = { name: `features.${at}.0`, norm: `features.${at}.1` };
        return swish(b, convNorm(b, from, { ...names, out, kernel, stride, epsilon, fold }));
      };
      let x = ends(picture(b, 128), 0, scaledChannels(16, width), 3, 2);
      for (const [index, row] of rows.entries()) {
        x = b.scope(`features.${index + 1}`, () => bottleneck(b, x, row, options));
      }
      x = ends(x, rows.length + 1, 6 * x.width, 1, 1);
      x = swish(b, gemm(b, flatten(b, globalPool(b, x)), { name: "classifier.0", out: scaledChannels(hidden, width) }));
      b.output(gemm(b, x, { name: "classifier.3", out: classes, gain: 2 }), "logits", ["batch", classes]);
    },
    inputs: (make, _, sizes) => pictures(make, sizes),
  });

export const mobilenetV3Small = mobilenetV3(
  "mobilenet-v3-small",
  smallRows,
  1024,
  { seed: 1, opset: 14, classes: 10, width: 0.4, foldNorms: false, activations: "op" },
  2_542_856,
);

export const mobilenetV3Large = mobilenetV3(
  "mobilenet-v3-large",
  largeRows,
  1280,
  { seed: 1, opset: 11, classes: 10, width: 0.25, foldNorms: true, activations: "primitive" },
  5_483_032,
);
