import { describe, expect, it } from "vitest";
import { resizeTable, type ResizeAxis } from "../../../src/kernels/nn/resize-table.ts";
import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./axis-resample.cases.ts";

describeRoom(room);

/** A resize of one row by its table; undefined where the extrapolation value goes. */
function resized(values: readonly number[], axis: Partial<ResizeAxis> & { output: number }): (number | undefined)[] {
  const input = values.length;
  const full: ResizeAxis = { input, scale: axis.output / input, mode: "linear", coordinates: "half_pixel", ...axis };
  const { taps, indices, weights } = resizeTable(full);
  return Array.from({ length: axis.output }, (_, j) => {
    if ((indices[j * taps] ?? 0) < 0) return undefined;
    const each = Array.from({ length: taps }, (__, t) => j * taps + t);
    const sum = each.reduce((all, t) => all + (weights[t] ?? 0) * (values[indices[t] ?? 0] ?? 0), 0);
    return Math.round(sum * 1e4) / 1e4;
  });
}

describe("tables of a resize", () => {
  it.each<[string, number[], Partial<ResizeAxis> & { output: number }, (number | undefined)[]]>([
    ["linear, twice as long", [1, 2], { output: 4 }, [1, 1.25, 1.75, 2]],
    ["linear, corners aligned", [1, 2], { output: 4, coordinates: "align_corners" }, [1, 1.3333, 1.6667, 2]],
    ["linear, asymmetric", [1, 2], { output: 4, coordinates: "asymmetric" }, [1, 1.5, 2, 2]],
    ["one output of pytorch_half_pixel", [1, 2, 3], { output: 1, coordinates: "pytorch_half_pixel" }, [1]],
    ["linear by 0.6", [1, 2, 3, 4], { output: 2, scale: 0.6 }, [1.3333, 3]],
    [
      "the same, symmetric",
      [1, 2, 3, 4],
      { output: 2, scale: 0.6, coordinates: "half_pixel_symmetric" },
      [1.6667, 3.3333],
    ],
    ["cubic of a line", [0, 1, 2, 3, 4, 5], { output: 12, mode: "cubic", cubicA: -0.5 }, [-0.0703]],
    ["antialias", [1, 2, 3, 4], { output: 2, antialias: true, excludeOutside: true }, [1.7143, 3.2857]],
    ["nearest, ties down", [1, 2], { output: 4, mode: "nearest", coordinates: "asymmetric" }, [1, 1, 2, 2]],
    [
      "nearest, ceil",
      [1, 2, 3],
      { output: 6, mode: "nearest", coordinates: "asymmetric", nearest: "ceil" },
      [1, 2, 2, 3, 3, 3],
    ],
    [
      "a crop with its surroundings",
      [1, 2, 3],
      { output: 3, coordinates: "tf_crop_and_resize", roi: [-0.5, 0.5] },
      [undefined, 1, 2],
    ],
  ])("%s", (_, values, axis, wanted) => {
    expect(resized(values, axis).slice(0, wanted.length)).toEqual(wanted);
  });
});
