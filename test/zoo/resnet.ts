// ResNet-18 and ResNet-50 (He et al., 2015; the stride of a bottleneck in its 3 by 3, as torchvision has it), and the
// fully convolutional segmenter over a dilated ResNet-50 (Long et al., 2015).
import { relu } from "./activations.ts";
import { conv, convNorm, maxPool, poolingHead } from "./convolutions.ts";
import { zooEntry, type ZooEntry } from "./entry.ts";
import type { GraphBuilder, Value } from "./graph-builder.ts";
import { openSizes, picture, pictures, times, type NormedOptions } from "./images.ts";
import { add, renamed } from "./operators.ts";

export interface ResNetOptions extends NormedOptions {
  /** Blocks of each stage. */
  readonly depths: readonly number[];
}

interface Shape {
  readonly out: number;
  readonly stride: number;
  readonly dilation: number;
  /** How many channels the last convolution has for one of the first. */
  readonly expansion: 1 | 4;
  readonly fold: boolean;
}

function block(b: GraphBuilder, x: Value, { out, stride, dilation, expansion, fold }: Shape): Value {
  const last = out * expansion;
  const step = (from: Value, index: number, channels: number, kernel: number, at: number, gain: number): Value => {
    const shape = { kernel, stride: at, dilation: kernel === 3 ? dilation : 1, gain };
    return convNorm(b, from, { name: `conv${index}`, norm: `bn${index}`, out: channels, fold, ...shape });
  };
  let inside = x;
  if (expansion === 1) {
    inside = relu(b, step(inside, 1, out, 3, stride, 1));
    inside = step(inside, 2, out, 3, 1, 0.6);
  } else {
    inside = relu(b, step(inside, 1, out, 1, 1, 1));
    inside = relu(b, step(inside, 2, out, 3, stride, 1));
    inside = step(inside, 3, last, 1, 1, 0.6);
  }
  const same = stride === 1 && x.width === last;
  const short = same
    ? x
    : convNorm(b, x, { name: "downsample.0", norm: "downsample.1", out: last, kernel: 1, stride, fold });
  return relu(b, add(b, inside, short));
}

interface Trunk extends Pick<ResNetOptions, "width" | "depths" | "foldNorms"> {
  readonly expansion: 1 | 4;
  /** The last two stages keep their size and dilate. */
  readonly dilated?: boolean;
}

/** What every stage leaves. */
function trunk(b: GraphBuilder, image: Value, { width, depths, foldNorms: fold, expansion, dilated }: Trunk): Value[] {
  let x = convNorm(b, image, { name: "conv1", norm: "bn1", out: times(64, width), kernel: 7, stride: 2, fold });
  x = maxPool(b, relu(b, x), { kernel: 3, stride: 2, padding: 1 });
  let dilation = 1;
  return depths.map((depth, stage) => {
    const out = times(64 * 2 ** stage, width);
    const before = dilation;
    const widened = dilated && stage >= 2;
    if (widened) dilation *= 2;
    for (let index = 0; index < depth; index++) {
      const stride = index === 0 && stage > 0 && !widened ? 2 : 1;
      const shape = { out, stride, dilation: index === 0 ? before : dilation, expansion, fold };
      x = b.scope(`layer${stage + 1}.${index}`, () => block(b, x, shape));
    }
    return x;
  });
}

const resnet = (name: string, expansion: 1 | 4, defaults: ResNetOptions, parameters: number): ZooEntry<ResNetOptions> =>
  zooEntry<ResNetOptions>({
    name,
    family: "cnn",
    task: "image classification",
    defaults,
    published: { options: { width: 1, classes: 1000, foldNorms: false }, parameters },
    otherSizes: openSizes,
    graph(b, { classes, ...options }) {
      const x = trunk(b, picture(b), { ...options, expansion }).at(-1);
      if (x) b.output(poolingHead(b, x, "fc", classes), "logits", ["batch", classes]);
    },
    inputs: (make, _, sizes) => pictures(make, sizes),
  });

export const resnet18 = resnet(
  "resnet-18",
  1,
  { seed: 1, opset: 11, classes: 10, width: 1 / 6, foldNorms: false, depths: [2, 2, 2, 2] },
  11_689_512,
);

export const resnet50 = resnet(
  "resnet-50",
  4,
  { seed: 1, opset: 13, classes: 10, width: 1 / 8, foldNorms: true, depths: [3, 4, 6, 3] },
  25_557_032,
);

export interface SegmenterOptions extends ResNetOptions {
  /** A second head over the third stage, which training uses. */
  readonly auxiliary: boolean;
}

export const fcnResnet50 = zooEntry<SegmenterOptions>({
  name: "fcn-resnet-50",
  family: "cnn",
  task: "segmentation",
  defaults: {
    seed: 1,
    opset: 15,
    classes: 5,
    width: 1 / 12,
    foldNorms: false,
    depths: [2, 2, 2, 2],
    auxiliary: true,
  },
  published: {
    options: { width: 1, classes: 21, foldNorms: false, depths: [3, 4, 6, 3], auxiliary: true },
    parameters: 35_322_218,
  },
  otherSizes: [{ batch: 1 }, { batch: 2, height: 48, width: 80 }],
  graph(b, { classes, auxiliary, ...options }) {
    const image = picture(b);
    const stages = b.scope("backbone", () => trunk(b, image, { ...options, expansion: 4, dilated: true }));
    const head = (x: Value, name: string, output: string): void => {
      const logits = b.scope(name, () => {
        const out = Math.floor(x.width / 4);
        const inside = convNorm(b, x, { name: "0", norm: "1", out, kernel: 3, fold: options.foldNorms });
        return conv(b, relu(b, inside), { name: "4", out: classes, kernel: 1 });
      });
      b.output(resizedTo(b, logits, image), output, ["batch", classes, "height", "width"]);
    };
    const [, , third, last] = stages;
    if (last) head(last, "classifier", "out");
    if (third && auxiliary) head(third, "aux_classifier", "aux");
  },
  inputs: (make, _, sizes) => pictures(make, sizes),
});

/** Bilinear, to the height and width of another value, read from its shape. */
function resizedTo(b: GraphBuilder, x: Value, like: Value): Value {
  const size = b.node("Slice", [b.node("Shape", [like]), b.ints(2), b.ints(4), b.ints(0)]);
  const kept = b.node("Slice", [b.node("Shape", [x]), b.ints(0), b.ints(2), b.ints(0)]);
  const sizes = b.node("Concat", [kept, size], { axis: 0n });
  const attributes = { coordinate_transformation_mode: "pytorch_half_pixel", cubic_coeff_a: -0.75, mode: "linear" };
  return renamed(x, b.node("Resize", [x, "", "", sizes], { ...attributes, nearest_mode: "floor" }));
}
