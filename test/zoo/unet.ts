// U-Net (Ronneberger et al., 2015) with batch norms and kept sizes: down four times by pooling, up by transposed
// convolutions or by Resize, every level joined to its counterpart.
import { relu, sigmoid } from "./activations.ts";
import { conv, convNorm, maxPool, upConv } from "./convolutions.ts";
import { zooEntry, type ZooEntry, type ZooOptions } from "./entry.ts";
import type { GraphBuilder, Value } from "./graph-builder.ts";
import { picture, pictures } from "./images.ts";
import { concat, sampled, sampleOf } from "./operators.ts";
import { doubleByRepeating } from "./sample.ts";

export interface UNetOptions extends ZooOptions {
  readonly classes: number;
  /** Channels of the first level; every level below has twice as many. */
  readonly base: number;
  readonly levels: number;
  readonly up: "transpose" | "resize";
  readonly foldNorms: boolean;
}

function twice(b: GraphBuilder, x: Value, path: string, out: number, fold: boolean): Value {
  return b.scope(path, () => {
    const first = relu(b, convNorm(b, x, { name: "0", norm: "1", out, kernel: 3, fold }));
    return relu(b, convNorm(b, first, { name: "3", norm: "4", out, kernel: 3, fold }));
  });
}

/** Doubled by interpolation, the corners kept in place. */
function doubled(b: GraphBuilder, x: Value): Value {
  const attributes = { coordinate_transformation_mode: "align_corners", cubic_coeff_a: -0.75, mode: "linear" };
  const larger = b.node("Resize", [x, "", b.floats(1, 1, 2, 2)], { ...attributes, nearest_mode: "floor" });
  return sampled(larger, x.width, () => doubleByRepeating(sampleOf(x)));
}

const unet = (name: string, defaults: UNetOptions, parameters?: number): ZooEntry<UNetOptions> =>
  zooEntry<UNetOptions>({
    name,
    family: "cnn",
    task: "segmentation",
    defaults,
    ...(parameters && { published: { options: { base: 64, classes: 1, levels: 4, foldNorms: false }, parameters } }),
    otherSizes: [{ batch: 1 }, { batch: 2, height: 32, width: 96 }],
    graph(b, { classes, base, levels, up, foldNorms: fold }) {
      let x = twice(b, picture(b, 32), "inc", base, fold);
      const kept: Value[] = [];
      for (let level = 1; level <= levels; level++) {
        kept.push(x);
        x = twice(b, maxPool(b, x, { kernel: 2 }), `down${level}`, base * 2 ** level, fold);
      }
      for (let level = levels; level >= 1; level--) {
        const out = base * 2 ** (level - 1);
        const raised = up === "transpose" ? upConv(b, x, { name: `up${level}`, out }) : doubled(b, x);
        const beside = kept.pop();
        x = twice(b, beside ? concat(b, [beside, raised]) : raised, `conv${level}`, out, fold);
      }
      const logits = conv(b, x, { name: "outc", out: classes, kernel: 1, gain: 2 });
      b.output(sigmoid(b, logits), "mask", ["batch", classes, "height", "width"]);
    },
    inputs: (make, _, sizes) => pictures(make, sizes),
  });

const small = { seed: 1, classes: 2, base: 6, levels: 4 };

export const unetTranspose = unet("unet", { ...small, opset: 11, up: "transpose", foldNorms: true }, 31_037_633);
export const unetResize = unet("unet-resize", { ...small, opset: 18, up: "resize", foldNorms: false });
