// Bias correction: shifts from rounding errors and input means bring a layer's mean output back.
import { describe, expect, it } from "vitest";
import { analyticShifts, biasCodes, measuredShifts } from "../../../src/methods/static/bias.ts";
import { prepareStatic } from "../../../src/methods/static/prepare.ts";
import { readRanges } from "../../../src/methods/static/read-ranges.ts";
import { FormatError } from "../../../src/base/errors.ts";
import { floatTensor, op, smallModel } from "../../support/onnx-models.ts";

describe("biases", () => {
  it("are int32 in units of both scales, ties to even", () => {
    expect(biasCodes([1, -0.5, 0.75], 0.5, Float32Array.of(0.5, 0.25, 1))).toEqual(Int32Array.of(4, -4, 2));
    expect(biasCodes([1e9], 1e-3, Float32Array.of(1e-3))).toBeUndefined();
  });

  it("shift by what rounding does to a layer's mean, by input channel", async () => {
    // Scale 1/127 * 2: 2 is exact, 0.3 rounds up by 0.3 - 19 * 2 / 127 of the other sign.
    const model = smallModel({
      inputs: [["x", [1, 2, 1, 1]]],
      outputs: [["y", [1, 1, 1, 1]]],
      nodes: [op("Conv", ["x", "w"], ["y"])],
      initializers: [floatTensor("w", [1, 2, 1, 1], [2, 0.3])],
    });
    const prepared = await prepareStatic(model);
    const shifts = await analyticShifts(prepared, new Map([["x", { min: 0, max: 1, channelMeans: [5, 10] }]]));
    const error = 19 * Math.fround(2 / 127) - Math.fround(0.3);
    expect(shifts.get("y")?.[0]).toBeCloseTo(-10 * error, 6);
  });

  it("shift by measured means", () => {
    const shifts = measuredShifts(new Map([["y", [1, 2]]]), new Map([["y", [1.5, 1]]]));
    expect(Array.from(shifts.get("y") ?? [])).toEqual([-0.5, 1]);
  });
});

describe("ranges of a file", () => {
  it("are read plainly or under tensors, and refused where they are none", () => {
    expect(readRanges('{"tensors":{"a":{"min":-1,"max":2,"meanSquare":0.5}}}', "s.json").get("a")).toEqual({
      min: -1,
      max: 2,
      meanSquare: 0.5,
    });
    expect(() => readRanges("{", "s.json")).toThrow(FormatError);
    expect(() => readRanges('{"a":{"min":3,"max":2}}', "s.json")).toThrow(/"a" has no finite min and max/);
  });
});
