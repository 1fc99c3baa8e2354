import { describe, expect, it } from "vitest";
import { UsageError } from "../../../src/base/errors.ts";
import { referenceParams } from "../../../src/kernels/kernel.ts";
import { convDepthwiseReference } from "../../../src/kernels/nn/conv-depthwise.ref.ts";
import { convDepthwiseCall } from "../../../src/kernels/nn/conv-depthwise.ts";
import { describeRoom } from "../../support/describe-room.ts";
import { bytesOf } from "../quantize/float-fixtures.ts";
import { depthwiseShapes, room } from "./conv-depthwise.cases.ts";
import { convData, convShape, plainConv, sizeOf } from "./window-fixtures.ts";

describeRoom(room);

describe("a depthwise convolution", () => {
  it.each([...depthwiseShapes])("is ONNX's convolution: %s", (_, shape) => {
    const { x, w, bias } = convData(shape);
    const y = new Float32Array(shape.batch * shape.outputs * sizeOf(shape.output));
    const params = referenceParams(convDepthwiseCall(shape, { bias: true }));
    convDepthwiseReference(params, [bytesOf(x), bytesOf(w), bytesOf(bias), new Uint8Array(y.buffer)]);
    const wanted = plainConv(shape, x, w, bias);
    expect(y.length).toBe(wanted.length);
    expect(Math.max(...y.map((value, i) => Math.abs(value - (wanted[i] ?? Number.NaN))))).toBeLessThan(1e-6);
  });

  it("refuses groups of several channels", () => {
    expect(() => convDepthwiseCall(convShape([4], [1], { channels: 4, outputs: 4, groups: 2 }))).toThrow(UsageError);
  });
});
