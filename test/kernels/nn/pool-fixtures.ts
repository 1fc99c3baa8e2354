// Windows of pools, by name.
import type { WindowShape } from "../../../src/kernels/nn/conv-shape.ts";
import { convShape } from "./window-fixtures.ts";

/** Each window meets the input somewhere. */
export const poolShapes: ReadonlyMap<string, WindowShape> = new Map<string, WindowShape>([
  ["2 x 2", convShape([6, 8], [2, 2], { batch: 2, channels: 3, strides: [2, 2] })],
  ["3 x 3 with padding", convShape([7, 12], [3, 3], { channels: 2, strides: [2, 1], padsBegin: [1, 1] })],
  ["1-D", convShape([33], [4], { channels: 5, strides: [3], padsBegin: [2] })],
  ["3-D", convShape([4, 5, 6], [2, 3, 2], { channels: 2, strides: [2, 1, 2], padsBegin: [1, 1, 0] })],
  ["dilated", convShape([9, 14], [2, 3], { channels: 3, dilations: [3, 2] })],
  // 8 places in steps of 3 by windows of 3: the third window, which rounding down drops, hangs over the end.
  ["rounded up", { ...convShape([8, 8], [3, 3], { channels: 2, strides: [3, 3] }), output: [3, 3] }],
]);
