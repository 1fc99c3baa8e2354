// Small graphs of the usual kinds, with inputs for them, for tests that compare runs of a model.
import type { OnnxModel } from "../../src/formats/onnx/ir.ts";
import { floatInput, op, randomTensor, smallModel } from "./onnx-models.ts";

/** Two convolutions and a product. */
export const cnnAt = (opset: number): OnnxModel =>
  smallModel({
    opset,
    nodes: [
      op("Conv", ["x", "w0", "b0"], ["h0"], { pads: [1n, 1n, 1n, 1n], kernel_shape: [3n, 3n] }),
      op("Relu", ["h0"], ["h1"]),
      op("Conv", ["h1", "w1"], ["h2"], { group: 2n, kernel_shape: [3n, 3n], strides: [2n, 2n] }),
      op("Flatten", ["h2"], ["h3"]),
      op("Gemm", ["h3", "w2", "b2"], ["y"], { transB: 1n }),
    ],
    inputs: [["x", [2, 6, 9, 9]]],
    outputs: [["y", undefined]],
    initializers: [
      randomTensor("w0", [16, 6, 3, 3], 0.2),
      randomTensor("b0", [16]),
      randomTensor("w1", [12, 8, 3, 3], 0.2),
      randomTensor("w2", [20, 192], 0.1),
      randomTensor("b2", [20]),
    ],
  });
export const cnn = cnnAt(13);
export const picture = floatInput("x", [2, 6, 9, 9]);

export const transformer: OnnxModel = smallModel({
  opset: 21,
  nodes: [
    op("MatMul", ["x", "wq"], ["q"]),
    op("MatMul", ["x", "wk"], ["k"]),
    op("MatMul", ["x", "wv"], ["v"]),
    op("Transpose", ["k"], ["kt"], { perm: [0n, 2n, 1n] }),
    op("MatMul", ["q", "kt"], ["scores"]),
    op("Softmax", ["scores"], ["p"], { axis: -1n }),
    op("MatMul", ["p", "v"], ["mixed"]),
    op("MatMul", ["mixed", "wo"], ["o"]),
    op("Add", ["x", "o"], ["y"]),
  ],
  inputs: [["x", [2, 7, 64]]],
  outputs: [["y", undefined]],
  initializers: ["wq", "wk", "wv", "wo"].map((name) => randomTensor(name, [64, 64], 0.1)),
});
export const tokens = floatInput("x", [2, 7, 64]);

export const recurrent: OnnxModel = smallModel({
  opset: 17,
  nodes: [op("LSTM", ["x", "w", "r", "b"], ["y"], { hidden_size: 24n, direction: "bidirectional" })],
  inputs: [["x", [6, 2, 32]]],
  outputs: [["y", undefined]],
  initializers: [randomTensor("w", [2, 96, 32], 0.2), randomTensor("r", [2, 96, 24], 0.2), randomTensor("b", [2, 192])],
});
export const sequence = floatInput("x", [6, 2, 32]);
