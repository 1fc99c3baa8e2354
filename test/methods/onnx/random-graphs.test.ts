// Random graphs by seed: products, convolutions, look-ups, recurrent layers and bodies of If, Loop and Scan, whose
// weights lie in initializers and Constant nodes, behind operators that move them, shared, half, or overridable. The
// written model must compute what the original does with the decoded weights in place, and load with optimizations.
import { InferenceSession } from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { WgslimError } from "../../../src/base/errors.ts";
import { seededRandom } from "../../../src/base/random.ts";
import type { QuantizeRecipe } from "../../../src/compress/plan-compression.ts";
import type { InputTensor } from "../../../src/evaluate/tensors.ts";
import { OnnxType, type OnnxNode, type OnnxTensor } from "../../../src/formats/onnx/ir.ts";
import {
  floatInput,
  halfTensor,
  intTensor,
  largestDifference,
  op,
  randomTensor,
  smallGraph,
  smallModel,
  type PlainAttributes,
  type Port,
  type SmallModel,
} from "../../support/onnx-models.ts";
import { runPlainly } from "../../support/ort-plain.ts";
import { quantizeSmall } from "../../support/quantized.ts";

interface Body {
  readonly nodes: OnnxNode[];
  readonly initializers: OnnxTensor[];
}

class Builder implements Body {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxTensor[] = [];
  readonly inputs: Port[] = [];
  readonly outputs: string[] = [];
  readonly feeds: InputTensor[] = [];
  readonly opset: number;
  readonly #random: ReturnType<typeof seededRandom>;
  #names = 0;

  constructor(seed: number) {
    this.#random = seededRandom(seed, "graphs");
    this.opset = this.#random.int(11, 22);
  }

  int(from: number, to: number): number {
    return this.#random.int(from, to + 1);
  }

  pick<T>(first: T, ...rest: readonly T[]): T {
    return [first, ...rest][this.int(0, rest.length)] ?? first;
  }

  name(base: string): string {
    return `${base}${this.#names++}`;
  }

  size(): number {
    return this.pick(1, 3, 15, 16, 17, 24, 33, 40, 64);
  }

  push(opType: string, inputs: readonly string[], attributes: PlainAttributes = {}, body: Body = this): string {
    const output = this.name("y");
    body.nodes.push({ ...op(opType, inputs, [output], attributes), name: this.pick("", this.name("node")) });
    return output;
  }

  feed(dims: readonly number[]): string {
    const name = this.name("x");
    this.inputs.push([name, dims]);
    this.feeds.push(floatInput(name, dims));
    return name;
  }

  integers(values: readonly number[], dims?: number[]): string {
    const tensor = intTensor(this.name("i"), values, dims);
    this.initializers.push(tensor);
    return tensor.name;
  }

  /** A weight, held and moved in some way; the name under which it is read. */
  weight(dims: readonly number[], body: Body = this): string {
    const name = this.name("w");
    const hold = (shape: readonly number[], half = false): string => {
      const full = randomTensor(name, shape, 0.3);
      const tensor = half ? halfTensor(name, shape, seededRandom(1, name).normals(product(shape), 0, 0.3)) : full;
      if (this.int(0, 3) === 0)
        body.nodes.push(op("Constant", [], [name], { value: { type: "tensor", value: tensor } }));
      else body.initializers.push(tensor);
      if (body === this && this.int(0, 15) === 0 && body.initializers.includes(tensor)) {
        this.inputs.push([name, shape, tensor.dataType]);
      }
      return name;
    };
    switch (this.int(0, 12)) {
      case 0:
        return this.push("Identity", [hold(dims)], {}, body);
      case 1:
        return this.push(
          "Transpose",
          [hold(dims.toReversed())],
          { perm: dims.map((_, i) => BigInt(i)).toReversed() },
          body,
        );
      case 2:
        return this.push("Reshape", [hold([product(dims)]), this.integers(dims)], {}, body);
      case 3:
        return this.push("Reshape", [hold([1, ...dims]), this.integers(dims)], {}, body);
      case 4:
        return this.push("Cast", [hold(dims, true)], { to: 1n }, body);
      case 5:
        return this.push("Concat", [hold(dims)], { axis: 0n }, body);
      default:
        return hold(dims);
    }
  }

  build(): SmallModel {
    const outputs = this.outputs.map((name): Port => [name, undefined]);
    const { opset, nodes, inputs, initializers } = this;
    return { opset, ir: Math.max(this.int(4, 10), opset > 19 ? 10 : 8), nodes, inputs, outputs, initializers };
  }
}

const product = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);

const graph = (body: Body, inputs: readonly Port[], outputs: readonly Port[]) => ({
  type: "graph" as const,
  value: smallGraph({ ...body, inputs, outputs }),
});

const layers: readonly ((b: Builder) => string)[] = [
  function matmul(b) {
    const [k, n] = [b.size(), b.size()];
    return b.push("MatMul", [b.feed(b.pick([k], [3, k], [2, 3, k])), b.weight(b.pick([k, n], [1, k, n]))]);
  },
  function batched(b) {
    const [k, n] = [b.size(), b.size()];
    return b.push("MatMul", [b.feed(b.pick([3, 4, k], [2, 3, 4, k], [4, k])), b.weight([3, k, n])]);
  },
  function left(b) {
    const [k, n] = [b.size(), b.size()];
    return b.push("MatMul", [b.weight(b.pick([n, k], [2, n, k])), b.feed(b.pick([k, 5], [2, k, 5], [k]))]);
  },
  function gemm(b) {
    const [m, k, n] = [b.int(1, 4), b.size(), b.size()];
    const [transA, transB] = [b.int(0, 1), b.int(0, 1)];
    const bias = b.pick(undefined, [], [1], [n], [1, n], [m, 1], [m, n]);
    const inputs = [b.feed(transA ? [k, m] : [m, k]), b.weight(transB ? [n, k] : [k, n])];
    const attributes = { transA: BigInt(transA), transB: BigInt(transB), alpha: b.pick(1, 0.5), beta: b.pick(1, 0, 2) };
    return b.push("Gemm", bias ? [...inputs, b.feed(bias)] : inputs, attributes);
  },
  function convolution(b) {
    const groups = b.pick(1, 2, 4);
    const [channels, out] = [groups * b.int(1, 4), groups * b.int(1, 4)];
    const kernel = Array.from({ length: b.int(1, 3) }, () => b.int(1, 3));
    const attributes = { group: BigInt(groups), dilations: kernel.map(() => BigInt(b.int(1, 2))) };
    const x = b.feed([2, channels, ...kernel.map((size) => size + 5)]);
    if (b.int(0, 2) === 0)
      return b.push("ConvTranspose", [x, b.weight([channels, out / groups, ...kernel])], attributes);
    return b.push("Conv", [x, b.weight([out, channels / groups, ...kernel]), b.feed([out])], attributes);
  },
  function embedding(b) {
    const [rows, width] = [b.int(3, 40), b.size()];
    const table = b.weight([rows, width]);
    const axis = b.int(0, 1);
    const found = b.push("Gather", [table, b.integers([0, axis ? width - 1 : rows - 1, -1])], { axis: BigInt(axis) });
    if (b.int(0, 1) === 0) return found;
    b.outputs.push(found);
    return b.push("MatMul", [b.feed([2, width]), b.push("Transpose", [table], { perm: [1n, 0n] })]);
  },
  function recurrent(b) {
    const [opType, gates] = b.pick(["LSTM", 4], ["GRU", 3], ["RNN", 1] as const);
    const directions = b.int(1, 2);
    const [hidden, width] = [b.pick(1, 3, 8, 16), b.pick(1, 5, 20)];
    const inputs = [b.feed([3, 2, width]), b.weight([directions, gates * hidden, width])];
    inputs.push(b.weight([directions, gates * hidden, hidden]));
    if (b.int(0, 1) === 0) inputs.push("", "", b.feed([directions, 2, hidden]));
    const direction = directions === 2 ? "bidirectional" : b.pick("forward", "reverse");
    return b.push(opType, inputs, { hidden_size: BigInt(hidden), direction });
  },
  function shared(b) {
    const k = b.size();
    const w = b.weight([k, k]);
    const first = b.push("MatMul", [b.feed([k, k]), w]);
    b.outputs.push(w);
    return b.pick(b.push("Gemm", [first, w], { transB: 1n }), b.push("Add", [first, w]), b.push("MatMul", [w, first]));
  },
  function constants(b) {
    const [k, n] = [b.size(), b.size()];
    return b.push("MatMul", [b.weight([3, k]), b.weight([k, n])]);
  },
  function branches(b) {
    const [k, n] = [b.size(), b.size()];
    const [x, outer] = [b.feed([3, k]), b.weight([k, n])];
    const branch = () => {
      const body: Body = { nodes: [], initializers: [] };
      const own = b.weight([n, n], body);
      const result = b.push("MatMul", [b.push("MatMul", [x, outer], {}, body), own], {}, body);
      return graph(body, [], [[result, undefined]]);
    };
    const condition = b.name("c");
    b.inputs.push([condition, [], OnnxType.BOOL]);
    b.feeds.push({ name: condition, dtype: "bool", dims: [], data: Float32Array.of(b.int(0, 1)) });
    return b.push("If", [condition], { then_branch: branch(), else_branch: branch() });
  },
  function loop(b) {
    const k = b.size();
    const [x, outer] = [b.feed([3, k]), b.weight([k, k])];
    const body: Body = { nodes: [], initializers: [] };
    const [state, turn, going] = [b.name("s"), b.name("t"), b.name("g")];
    const next = b.push("Tanh", [b.push("MatMul", [state, outer], {}, body)], {}, body);
    const result = b.push("MatMul", [next, b.weight([k, k], body)], {}, body);
    const goes = b.push("Identity", [going], {}, body);
    return b.push("Loop", [b.integers([2], []), "", x], {
      body: graph(
        body,
        [
          [turn, [], OnnxType.INT64],
          [going, [], OnnxType.BOOL],
          [state, b.pick(undefined, [3, k])],
        ],
        [
          [goes, [], OnnxType.BOOL],
          [result, undefined],
        ],
      ),
    });
  },
];

const recipes: readonly QuantizeRecipe[] = [
  { format: "int8" },
  { format: "uint8" },
  { format: "int4" },
  { format: "int4", formatOptions: { operator: "dequantize-linear", blockSize: 16 } },
  { format: "uint2" },
  { format: "int8", formatOptions: { granularity: "tensor" } },
  { format: "nf4" },
  { format: "q4f16" },
];

describe("random graphs", () => {
  it.each([1, 2, 3, 4])("part %i", async (part) => {
    let quantized = 0;
    for (let seed = part * 1000; seed < part * 1000 + 15; seed++) {
      const builder = new Builder(seed);
      for (let i = builder.int(1, 2); i > 0; i--) {
        const layer = layers[builder.int(0, layers.length - 1)];
        if (layer) builder.outputs.push(layer(builder));
      }
      const recipe = recipes[seed % recipes.length] ?? { format: "int8" };
      const what = `seed ${seed}, ${JSON.stringify(recipe)}`;
      const made = await quantizeSmall(smallModel(builder.build()), recipe).catch((cause: unknown) => {
        if (cause instanceof WgslimError && cause.details["reason"] === "nothing-fits") return undefined;
        throw new Error(what, { cause });
      });
      if (!made) continue;
      quantized++;
      const session = await InferenceSession.create(made.bytes, { logSeverityLevel: 4 });
      await session.release();
      const expected = await runPlainly(made.restored, builder.feeds);
      const actual = await runPlainly(made.bytes, builder.feeds);
      for (const [i, { dims, data }] of expected.entries()) {
        expect(actual[i]?.dims, what).toEqual(dims);
        const most = recipe.format === "q4f16" ? 0.02 : 1e-4;
        expect(largestDifference(data, actual[i]?.data ?? []), what).toBeLessThan(most);
      }
    }
    expect(quantized).toBeGreaterThan(8);
  });
});
