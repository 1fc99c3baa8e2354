// What the image networks share: open dims, the picture as input, sizes to try.
import type { InputTensor } from "../../src/evaluate/tensors.ts";
import type { InputMaker, Sizes, ZooOptions } from "./entry.ts";
import type { GraphBuilder, Value } from "./graph-builder.ts";
import { sampled } from "./operators.ts";

export interface ImageOptions extends ZooOptions {
  readonly classes: number;
  /** Multiplies the numbers of channels. */
  readonly width: number;
}

export interface NormedOptions extends ImageOptions {
  /** Batch norms go into the convolutions before them. */
  readonly foldNorms: boolean;
}

const defaultSide = 64;
const pictureCount = 4;

/**
 * Three channels, everything else open. `side` is that of the pictures which the network is fitted to: deep maps of 2 by
 * 2 are mostly padding, and wide depthwise kernels fitted to those would blow up larger ones.
 */
export const picture = (b: GraphBuilder, side = defaultSide): Value =>
  sampledPicture(b, b.input("image", ["batch", 3, "height", "width"]), 3, side);

/** The input of this name, with a few pictures that a network over it is fitted to. */
export const sampledPicture = (b: GraphBuilder, name: string, channels = 3, side = defaultSide): Value =>
  sampled(name, channels, () => ({
    data: b.random("pictures").normals(pictureCount * channels * side * side),
    batch: pictureCount,
    channels,
    height: side,
    width: side,
  }));

/** For networks that take any size. */
export const openSizes: readonly Sizes[] = [{ batch: 3 }, { batch: 1, height: 96, width: 80 }];

export const pictures = (
  make: InputMaker,
  { batch = 2, height = defaultSide, width = defaultSide }: Sizes,
): readonly InputTensor[] => [make.normal("image", [batch, 3, height, width])];

/** Channels of a network whose widths are plain multiples. */
export const times = (channels: number, width: number): number => Math.max(1, Math.round(channels * width));
