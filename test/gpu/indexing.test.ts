// Gathers, scatters, orders and Einsum over random shapes, against onnxruntime's CPU provider. Indices come as graph
// inputs, so that the device turns them into positions, not the host.
import { describe, expect, it } from "vitest";
import type { InputTensor } from "../../src/evaluate/tensors.ts";
import { OnnxType, type OnnxAttribute } from "../../src/formats/onnx/ir.ts";
import {
  makeAttributeInt,
  makeAttributeString,
  makeGraph,
  makeModel,
  makeNode,
  makeValueInfo,
} from "../../src/formats/onnx/make.ts";
import { graphKernelSpecs } from "../../src/kernels/graph-registry.ts";
import { WebGpuBackend } from "../../src/run/webgpu-backend.ts";
import { Dice } from "../support/dice.ts";
import { compareForward } from "../support/forward.ts";
import { testDevice } from "../support/gpu.ts";
import { onnxBytes } from "../support/onnx-models.ts";

type Dtype = "f32" | "i32" | "i64";
type Tensor = Omit<InputTensor, "name" | "dtype"> & { readonly dtype: Dtype };

interface Trial {
  readonly inputs: readonly Tensor[];
  readonly attributes?: Readonly<Record<string, number | string>>;
  /** f32 where absent. */
  readonly outputs?: readonly number[];
}

const types = { f32: OnnxType.FLOAT, i32: OnnxType.INT32, i64: OnnxType.INT64 };
const { FLOAT, INT64 } = OnnxType;
const sizeOf = (dims: readonly number[]): number => dims.reduce((all, dim) => all * dim, 1);

/** Indices beside shapes and numbers. */
class IndexDice extends Dice {
  /** Indices of an axis, from either end. */
  indices(dims: readonly number[], size: number, dtype: Dtype = this.pick("i32", "i64")): Tensor {
    return { dtype, dims, data: Float64Array.from({ length: sizeOf(dims) }, () => this.whole(-size, size)) };
  }

  /** Coordinates in `walked`, along a last axis. */
  coordinates(kept: readonly number[], walked: readonly number[]): Tensor {
    const dims = [...kept, walked.length];
    const data = Float64Array.from({ length: sizeOf(dims) }, (_, i) => {
      const dim = walked[i % walked.length] ?? 1;
      return this.whole(-dim, dim);
    });
    return { dtype: "i64", dims, data };
  }
}

const long = (values: readonly number[], dims: readonly number[] = [values.length]): Tensor => ({
  dtype: "i64",
  dims,
  data: Float64Array.from(values),
});

/** An axis of a rank, counted from either end. */
const axisOf = (dice: IndexDice, rank: number): { axis: number; at: number } => {
  const at = dice.whole(0, rank);
  return { at, axis: dice.pick(at, at - rank) };
};

const scatterTrial =
  (...reductions: readonly [string, ...string[]]) =>
  (dice: IndexDice): Trial => {
    const dims = dice.dims(dice.whole(1, 5));
    const { axis, at } = axisOf(dice, dims.length);
    const to = dims.map((dim, i) => (i === at ? dice.whole(1, 8) : dice.whole(1, dim + 1)));
    const inputs = [dice.eighths(dims), dice.indices(to, dims[at] ?? 1), dice.eighths(to)];
    return { inputs, attributes: { axis, reduction: dice.pick(...reductions) } };
  };

const einsums = [
  "ij,jk->ik",
  "bij,bjk->bik",
  "ij->ji",
  "ii->i",
  "ij->",
  "bhqd,bhkd->bhqk",
  "i,j->ij",
  "...ij,...jk->...ik",
];

function einsumTrial(dice: IndexDice): Trial {
  const equation = dice.pick(
    "ij,ij,ij->i",
    ...einsums,
    "bij,jk",
    "ab,cd,bd->ac",
    "...i->...",
    "bi,bi->b",
    "ijk,jil->kl",
  );
  const sizes = new Map<string, number>();
  const left = equation.split("->")[0] ?? "";
  const hidden = dice.whole(0, 3);
  const inputs = left.split(",").map((term) => {
    const labels = [...term.replace("...", "xyz".slice(0, hidden))];
    const dims = labels.map((label) => {
      const size = sizes.get(label) ?? dice.whole(1, 6);
      sizes.set(label, size);
      return size;
    });
    return dice.eighths(dims);
  });
  return { inputs, attributes: { equation } };
}

const trials: Readonly<Record<string, (dice: IndexDice) => Trial>> = {
  GatherElements: (dice) => {
    const dims = dice.dims(dice.whole(1, 5));
    const { axis, at } = axisOf(dice, dims.length);
    const to = dims.map((dim, i) => (i === at ? dice.whole(0, 8) : dice.whole(1, dim + 1)));
    return { inputs: [dice.eighths(dims), dice.indices(to, dims[at] ?? 1)], attributes: { axis } };
  },
  GatherND: (dice) => {
    const dims = dice.dims(dice.whole(1, 5));
    const batch = dice.whole(0, Math.min(3, dims.length));
    const depth = dice.whole(1, dims.length - batch + 1);
    const kept = [...dims.slice(0, batch), ...dice.dims(dice.whole(0, 3), 1, 4)];
    const indices = dice.coordinates(kept, dims.slice(batch, batch + depth));
    return { inputs: [dice.eighths(dims), indices], attributes: { batch_dims: batch } };
  },
  ScatterElements: scatterTrial("none", "add", "mul", "max", "min"),
  ScatterND: (dice) => {
    const dims = dice.dims(dice.whole(1, 5));
    const depth = dice.whole(1, dims.length + 1);
    const kept = dice.dims(dice.whole(1, 3), 0, 4);
    const updates = dice.eighths([...kept, ...dims.slice(depth)]);
    const indices = dice.coordinates(kept, dims.slice(0, depth));
    return {
      inputs: [dice.eighths(dims), indices, updates],
      attributes: { reduction: dice.pick("add", "max", "min") },
    };
  },
  TopK: (dice) => {
    const dims = dice.dims(dice.whole(1, 4), 1, 20);
    const { axis, at } = axisOf(dice, dims.length);
    const k = dice.whole(1, (dims[at] ?? 1) + 1);
    const attributes = { axis, largest: dice.whole(0, 2), sorted: 1 };
    return { inputs: [dice.eighths(dims), long([k])], attributes, outputs: [FLOAT, INT64] };
  },
  CumSum: (dice) => {
    const dims = dice.dims(dice.whole(1, 4), 1, 9);
    const { axis } = axisOf(dice, dims.length);
    const attributes = { exclusive: dice.whole(0, 2), reverse: dice.whole(0, 2) };
    return { inputs: [dice.eighths(dims), long([axis], [])], attributes };
  },
  OneHot: (dice) => {
    const depth = dice.whole(1, 7);
    const dims = dice.dims(dice.whole(1, 4));
    const { axis } = axisOf(dice, dims.length + 1);
    // Some indices lie outside, and light nothing.
    return { inputs: [dice.indices(dims, depth + 2, "i64"), long([depth]), dice.eighths([2])], attributes: { axis } };
  },
  Einsum: einsumTrial,
  ReverseSequence: (dice) => {
    const time = dice.whole(0, 2);
    const dims = dice.dims(dice.whole(2, 5));
    const data = Float64Array.from({ length: dims[1 - time] ?? 1 }, () => dice.whole(1, (dims[time] ?? 1) + 1));
    const lengths: Tensor = { dtype: "i64", dims: [data.length], data };
    return { inputs: [dice.eighths(dims), lengths], attributes: { time_axis: time, batch_axis: 1 - time } };
  },
  SoftmaxCrossEntropyLoss: (dice) => {
    const dims = [dice.whole(1, 5), dice.whole(2, 6), ...dice.dims(dice.whole(0, 3))];
    const [batch = 1, classes = 1, ...rest] = dims;
    const data = Float64Array.from({ length: batch * sizeOf(rest) }, () => dice.whole(0, classes));
    const target: Tensor = { dtype: "i64", dims: [batch, ...rest], data };
    const weights = { ...dice.eighths([classes]), data: Float32Array.from({ length: classes }, (_, i) => 1 + i / 4) };
    const attributes = { reduction: dice.pick("none", "sum", "mean") };
    return { inputs: [dice.eighths(dims), target, ...(dice.whole(0, 2) === 1 ? [weights] : [])], attributes };
  },
};

async function modelOf(opType: string, { inputs, attributes = {}, outputs = [FLOAT] }: Trial) {
  const tensors = inputs.map((tensor, i): InputTensor => ({ name: `x${i}`, ...tensor }));
  const node = makeNode({
    opType,
    inputs: tensors.map(({ name }) => name),
    outputs: outputs.map((_, i) => `y${i}`),
    attributes: Object.entries(attributes).map(([name, value]): OnnxAttribute =>
      typeof value === "number" ? makeAttributeInt(name, value) : makeAttributeString(name, value),
    ),
  });
  const graph = makeGraph({
    nodes: [node],
    inputs: inputs.map(({ dtype, dims }, i) => makeValueInfo(`x${i}`, types[dtype], dims)),
    outputs: outputs.map((type, i) => makeValueInfo(`y${i}`, type)),
  });
  return { model: await onnxBytes(makeModel({ irVersion: 9, opsets: [{ domain: "", version: 18 }], graph })), tensors };
}

describe("indexing operators over random shapes", () => {
  const device = testDevice();

  it.each(Object.keys(trials))("%s equals onnxruntime's", async (opType) => {
    const backend = new WebGpuBackend(await device(), graphKernelSpecs);
    for (let seed = 0; seed < 24; seed++) {
      const trial = trials[opType]?.(new IndexDice(seed));
      if (!trial) continue;
      const { model, tensors } = await modelOf(opType, trial);
      const worst = await compareForward(model, tensors, backend);
      const about = `${seed}: ${trial.inputs.map(({ dims }) => `[${dims.join()}]`).join(" ")} ${JSON.stringify(trial.attributes)}`;
      expect(worst.length, about).toBe(trial.outputs?.length ?? 1);
      for (const { error } of worst) expect(error, about).toBeLessThan(1e-5);
    }
  });
});
