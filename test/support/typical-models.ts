// Small copies of what users bring: exports of a convolutional network with folded norms, of transformers in three
// shapes and of a recurrent tagger, with weights drawn as training leaves them: rows of unlike size, heavy tails, a
// few outlier channels. Built so that at least 95 % of a file's bytes are weights.
import { seededRandom } from "../../src/base/random.ts";
import { elementCount } from "../../src/base/dtypes.ts";
import type { InputTensor } from "../../src/evaluate/tensors.ts";
import { OnnxType, type OnnxModel, type OnnxNode, type OnnxTensor } from "../../src/formats/onnx/ir.ts";
import { floatInput, floatTensor, intTensor, op, smallModel, type Port } from "./onnx-models.ts";

export interface TypicalModel {
  readonly name: string;
  readonly model: OnnxModel;
  readonly inputs: readonly InputTensor[];
}

/** Collects nodes and initializers under running names. */
class Builder {
  readonly nodes: OnnxNode[] = [];
  readonly tensors: OnnxTensor[] = [];
  #count = 0;

  add(type: string, inputs: readonly string[], attributes: Parameters<typeof op>[3] = {}): string {
    const output = `${type.toLowerCase()}_${this.#count++}`;
    this.nodes.push(op(type, inputs, [output], attributes));
    return output;
  }

  /** Trained-like: normal times a log-normal size per row and, once in a while, a much larger value. */
  weight(dims: readonly number[], fanIn: number, rowAxis = 0): string {
    const name = `weight_${this.tensors.length}`;
    const random = seededRandom(7, name);
    const inner = elementCount(dims.slice(rowAxis + 1));
    const sizes = Array.from({ length: dims[rowAxis] ?? 1 }, () => Math.exp(random.normal(0, 0.4)));
    const values = Float32Array.from({ length: elementCount(dims) }, (_, i) => {
      const size = sizes[Math.floor(i / inner) % sizes.length] ?? 1;
      const outlier = random.uniform() < 0.001 ? 5 : 1;
      return (random.normal() * size * outlier) / Math.sqrt(fanIn);
    });
    this.tensors.push(floatTensor(name, dims, values));
    return name;
  }

  bias(size: number, around = 0): string {
    const name = `bias_${this.tensors.length}`;
    this.tensors.push(floatTensor(name, [size], seededRandom(9, name).normals(size, around, 0.1)));
    return name;
  }

  ints(...values: readonly number[]): string {
    const name = `ints_${this.tensors.length}`;
    this.tensors.push(intTensor(name, values));
    return name;
  }

  scalar(value: number): string {
    const name = `scalar_${this.tensors.length}`;
    this.tensors.push(floatTensor(name, [], [value]));
    return name;
  }

  /** Product with a [K, N] weight and a bias, as exporters write nn.Linear of a 3-D tensor. */
  linear(x: string, k: number, n: number): string {
    return this.add("Add", [this.bias(n), this.add("MatMul", [x, this.weight([k, n], k, 1)])]);
  }

  norm(x: string, width: number): string {
    return this.add("LayerNormalization", [x, this.bias(width, 1), this.bias(width)], { axis: -1n, epsilon: 1e-5 });
  }

  model(opset: number, inputs: readonly Port[], output: string): OnnxModel {
    const nodes = [...this.nodes, op("Identity", [output], ["logits"])];
    return smallModel({ opset, nodes, inputs, outputs: [["logits", undefined]], initializers: this.tensors });
  }
}

/** Tokens by seed. */
const tokens = (count: number, vocabulary: number): InputTensor => {
  const random = seededRandom(5, "tokens");
  const data = Float64Array.from({ length: count }, () => random.int(0, vocabulary));
  return { name: "ids", dtype: "i64", dims: [1, count], data };
};

/** A residual network as torch exports it: norms folded into convolutions, ReLU, global pooling, Gemm with transB. */
function residualNetwork(opset: number): TypicalModel {
  const b = new Builder();
  const conv = (x: string, from: number, to: number, kernel: number, stride = 1, group = 1): string => {
    const fanIn = (from / group) * kernel * kernel;
    const pad = BigInt((kernel - 1) / 2);
    const attributes = {
      kernel_shape: [BigInt(kernel), BigInt(kernel)],
      pads: [pad, pad, pad, pad],
      strides: [BigInt(stride), BigInt(stride)],
      group: BigInt(group),
    };
    return b.add("Conv", [x, b.weight([to, from / group, kernel, kernel], fanIn / 2), b.bias(to)], attributes);
  };
  let x = b.add("Relu", [conv("image", 3, 32, 7, 2)]);
  let width = 32;
  for (const [to, stride] of [
    [32, 1],
    [64, 2],
    [128, 2],
    [256, 2],
  ] as const) {
    const inside = b.add("Relu", [conv(x, width, to, 3, stride)]);
    const short = stride === 1 && width === to ? x : conv(x, width, to, 1, stride);
    x = b.add("Relu", [b.add("Add", [conv(inside, to, to, 3), short])]);
    width = to;
  }
  // An inverted bottleneck as mobile networks have it.
  const wide = b.add("Clip", [conv(x, width, width * 2, 1), b.scalar(0), b.scalar(6)]);
  const deep = b.add("Clip", [conv(wide, width * 2, width * 2, 3, 1, width * 2), b.scalar(0), b.scalar(6)]);
  x = b.add("Add", [x, conv(deep, width * 2, width, 1)]);
  const flat = b.add("Flatten", [b.add("GlobalAveragePool", [x])], { axis: 1n });
  const logits = b.add("Gemm", [flat, b.weight([100, width], width), b.bias(100)], { transB: 1n });
  const dims = [1, 3, 64, 64];
  return {
    name: "residual network",
    model: b.model(opset, [["image", dims]], logits),
    inputs: [floatInput("image", dims)],
  };
}

interface Shape {
  readonly width: number;
  readonly heads: number;
  readonly length: number;
}

/** Self-attention; `products` makes one projection of three, as GPT-2 has it, or three. */
function attention(b: Builder, x: string, { width, heads, length }: Shape, fused: boolean): string {
  const [one, size] = [width / heads, b.ints(1, length, heads, width / heads)];
  const [q = "", k = "", v = ""] = fused
    ? splitThree(b, b.linear(x, width, 3 * width))
    : [0, 1, 2].map(() => b.linear(x, width, width));
  const headed = (part: string, perm: readonly bigint[]): string =>
    b.add("Transpose", [b.add("Reshape", [part, size])], { perm });
  const scores = b.add("MatMul", [headed(q, [0n, 2n, 1n, 3n]), headed(k, [0n, 2n, 3n, 1n])]);
  const weights = b.add("Softmax", [b.add("Div", [scores, b.scalar(Math.sqrt(one))])], { axis: -1n });
  const mixed = b.add("Transpose", [b.add("MatMul", [weights, headed(v, [0n, 2n, 1n, 3n])])], {
    perm: [0n, 2n, 1n, 3n],
  });
  return b.linear(b.add("Reshape", [mixed, b.ints(1, length, width)]), width, width);
}

function splitThree(b: Builder, x: string): string[] {
  const outputs = ["q", "k", "v"].map((part) => `${x}_${part}`);
  b.nodes.push(op("Split", [x], outputs, { axis: -1n }));
  return outputs;
}

function feedForward(b: Builder, x: string, width: number): string {
  const wide = b.linear(x, width, 4 * width);
  const erf = b.add("Add", [b.add("Erf", [b.add("Div", [wide, b.scalar(Math.SQRT2)])]), b.scalar(1)]);
  return b.linear(b.add("Mul", [b.add("Mul", [wide, erf]), b.scalar(0.5)]), 4 * width, width);
}

/** BERT: three embeddings summed, norms behind, the head sharing the embedding through a Transpose. */
function encoder(opset: number): TypicalModel {
  const b = new Builder();
  const shape: Shape = { width: 128, heads: 4, length: 24 };
  const { width, length } = shape;
  const words = b.weight([600, width], 1);
  const places = b.add("Gather", [b.weight([64, width], 1), b.ints(...Array.from({ length }, (_, i) => i))]);
  let x = b.norm(b.add("Add", [b.add("Gather", [words, "ids"]), places]), width);
  for (let layer = 0; layer < 2; layer++) {
    x = b.norm(b.add("Add", [x, attention(b, x, shape, false)]), width);
    x = b.norm(b.add("Add", [x, feedForward(b, x, width)]), width);
  }
  const logits = b.add("MatMul", [x, b.add("Transpose", [words], { perm: [1n, 0n] })]);
  return {
    name: "encoder with a shared head",
    model: b.model(opset, [["ids", [1, length], OnnxType.INT64]], logits),
    inputs: [tokens(length, 600)],
  };
}

/** GPT-2: norms before, one projection for all three, a head of its own. */
function decoder(opset: number): TypicalModel {
  const b = new Builder();
  const shape: Shape = { width: 128, heads: 4, length: 24 };
  const { width, length } = shape;
  let x = b.add("Gather", [b.weight([500, width], 1), "ids"]);
  for (let layer = 0; layer < 2; layer++) {
    x = b.add("Add", [x, attention(b, b.norm(x, width), shape, true)]);
    x = b.add("Add", [x, feedForward(b, b.norm(x, width), width)]);
  }
  const logits = b.add("MatMul", [b.norm(x, width), b.weight([width, 500], width, 1)]);
  return {
    name: "decoder",
    model: b.model(opset, [["ids", [1, length], OnnxType.INT64]], logits),
    inputs: [tokens(length, 500)],
  };
}

/** ViT: patches by a convolution, then an encoder; mean over patches, Gemm. */
function vision(opset: number): TypicalModel {
  const b = new Builder();
  const shape: Shape = { width: 128, heads: 4, length: 16 };
  const { width, length } = shape;
  const patches = b.add("Conv", ["image", b.weight([width, 3, 16, 16], 768), b.bias(width)], {
    kernel_shape: [16n, 16n],
    strides: [16n, 16n],
  });
  let x = b.add("Transpose", [b.add("Reshape", [patches, b.ints(1, width, length)])], { perm: [0n, 2n, 1n] });
  x = b.add("Add", [x, b.weight([1, length, width], 4)]);
  for (let layer = 0; layer < 2; layer++) {
    x = b.add("Add", [x, attention(b, b.norm(x, width), shape, false)]);
    x = b.add("Add", [x, feedForward(b, b.norm(x, width), width)]);
  }
  const pooled = b.add("ReduceMean", [b.norm(x, width)], { axes: [1n], keepdims: 0n });
  const logits = b.add("Gemm", [pooled, b.weight([100, width], width), b.bias(100)], { transB: 1n });
  const dims = [1, 3, 64, 64];
  return {
    name: "vision transformer",
    model: b.model(opset, [["image", dims]], logits),
    inputs: [floatInput("image", dims)],
  };
}

/** A tagger: embedding, a recurrent layer both ways, a product. */
function tagger(kind: "LSTM" | "GRU", opset: number): TypicalModel {
  const b = new Builder();
  const [width, hidden, length, gates] = [96, 128, 20, kind === "LSTM" ? 4 : 3];
  const x = b.add("Transpose", [b.add("Gather", [b.weight([800, width], 1), "ids"])], { perm: [1n, 0n, 2n] });
  const inputs = [x, b.weight([2, gates * hidden, width], width, 1), b.weight([2, gates * hidden, hidden], hidden, 1)];
  const both = b.add(kind, inputs, { hidden_size: BigInt(hidden), direction: "bidirectional" });
  const rows = b.add("Reshape", [
    b.add("Transpose", [both], { perm: [2n, 0n, 1n, 3n] }),
    b.ints(1, length, 2 * hidden),
  ]);
  return {
    name: `${kind} tagger`,
    model: b.model(opset, [["ids", [1, length], OnnxType.INT64]], b.linear(rows, 2 * hidden, 60)),
    inputs: [tokens(length, 800)],
  };
}

export const typicalModels = (): readonly TypicalModel[] => [
  residualNetwork(13),
  encoder(17),
  decoder(17),
  vision(17),
  tagger("LSTM", 14),
  tagger("GRU", 14),
];
