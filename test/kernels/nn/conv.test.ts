import { describe, expect, it } from "vitest";
import { UnsupportedError, UsageError } from "../../../src/base/errors.ts";
import { referenceParams } from "../../../src/kernels/kernel.ts";
import { convReference } from "../../../src/kernels/nn/conv.ref.ts";
import { convCall } from "../../../src/kernels/nn/conv.ts";
import { packConvWeightsReference } from "../../../src/kernels/nn/pack-conv-weights.ref.ts";
import { packConvWeightsCall, packedConvWeightBytes } from "../../../src/kernels/nn/pack-conv-weights.ts";
import { describeRoom } from "../../support/describe-room.ts";
import { bytesOf, computed } from "../quantize/float-fixtures.ts";
import { room } from "./conv.cases.ts";
import { convData, convShape, convShapes, plainConv, sizeOf } from "./window-fixtures.ts";

describeRoom(room);

describe("packing and convolving", () => {
  it.each([...convShapes])("is ONNX's convolution: %s", (_, shape) => {
    const { x, w, bias } = convData(shape);
    const sizes = [bytesOf(w), packedConvWeightBytes(shape)];
    const packed = computed(packConvWeightsCall(shape), packConvWeightsReference, sizes, 1);
    const y = new Float32Array(shape.batch * shape.outputs * sizeOf(shape.output));
    const call = convCall(shape, { bias: true });
    convReference(referenceParams(call), [bytesOf(x), packed, bytesOf(bias), new Uint8Array(y.buffer)]);
    const wanted = plainConv(shape, x, w, bias);
    expect(y.length).toBe(wanted.length);
    expect(Math.max(...y.map((value, i) => Math.abs(value - (wanted[i] ?? Number.NaN))))).toBeLessThan(1e-6);
  });
});

describe("what a convolution refuses", () => {
  it("groups that do not divide the channels", () => {
    expect(() => convCall(convShape([4], [1], { channels: 4, outputs: 6, groups: 4 }))).toThrow(UsageError);
  });
  it("four spatial dimensions", () => {
    expect(() => convCall(convShape([2, 2, 2, 2], [1, 1, 1, 1]))).toThrow(UnsupportedError);
  });
  it("lists of different lengths", () => {
    expect(() => convCall({ ...convShape([4, 4], [1, 1]), strides: [1] })).toThrow(UsageError);
  });
  it("more words than a dispatch can address", () => {
    expect(() => convCall(convShape([60_000, 60_000], [1, 1]))).toThrow(UnsupportedError);
  });
});
