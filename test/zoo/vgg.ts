// VGG-16 (Simonyan and Zisserman, 2014), configuration D, without norms, and as the variant with batch norms.
import { relu } from "./activations.ts";
import { averagePool, conv, convNorm, flatten, gemm, maxPool } from "./convolutions.ts";
import { zooEntry, type ZooEntry } from "./entry.ts";
import type { Value } from "./graph-builder.ts";
import { pictures, sampledPicture, times, type NormedOptions } from "./images.ts";

export interface VggOptions extends NormedOptions {
  readonly norms: boolean;
  /** Height and width; a multiple of 32, fixed in the file, since the first product sees the whole map. */
  readonly imageSize: number;
}

const stages = [
  [64, 64],
  [128, 128],
  [256, 256, 256],
  [512, 512, 512],
  [512, 512, 512],
];

const vgg = (name: string, defaults: VggOptions, parameters: number): ZooEntry<VggOptions> =>
  zooEntry<VggOptions>({
    name,
    family: "cnn",
    task: "image classification",
    defaults,
    published: { options: { width: 1, classes: 1000, imageSize: 224, foldNorms: false }, parameters },
    otherSizes: [{ batch: 3 }],
    graph(b, { width, classes, norms, foldNorms, imageSize }) {
      let x: Value = sampledPicture(b, b.input("image", ["batch", 3, imageSize, imageSize]), 3, imageSize);
      let layer = 0;
      for (const stage of stages) {
        for (const channels of stage) {
          const shape = { name: `features.${layer}`, out: times(channels, width), kernel: 3 };
          x = norms
            ? convNorm(b, x, { ...shape, norm: `features.${layer + 1}`, fold: foldNorms, bias: true })
            : conv(b, x, shape);
          x = relu(b, x);
          layer += norms ? 3 : 2;
        }
        x = maxPool(b, x, { kernel: 2 });
        layer++;
      }
      const side = imageSize / 32;
      // What adaptive pooling to the size that the map already has is exported as.
      x = averagePool(b, x, { kernel: 1 });
      x = flatten(b, x, side * side);
      x = relu(b, gemm(b, x, { name: "classifier.0", out: times(4096, width) }));
      x = relu(b, gemm(b, x, { name: "classifier.3", out: times(4096, width) }));
      b.output(gemm(b, x, { name: "classifier.6", out: classes, gain: 2 }), "logits", ["batch", classes]);
    },
    inputs: (make, { imageSize }, { batch = 2 }) => pictures(make, { batch, height: imageSize, width: imageSize }),
  });

const small = { seed: 1, classes: 10, width: 1 / 12, imageSize: 32 };

export const vgg16 = vgg("vgg-16", { ...small, opset: 9, norms: false, foldNorms: false }, 138_357_544);
export const vgg16Norms = vgg("vgg-16-bn", { ...small, opset: 11, norms: true, foldNorms: true }, 138_365_992);
