// Sampling at points of a grid and in regions, and unpooling, over random shapes, against onnxruntime's CPU provider.
import { describe, expect, it } from "vitest";
import type { InputTensor } from "../../src/evaluate/tensors.ts";
import { OnnxType, type OnnxAttribute } from "../../src/formats/onnx/ir.ts";
import {
  makeAttributeInt,
  makeAttributeInts,
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

type Setting = string | number | readonly number[];

interface Trial {
  readonly inputs: readonly Omit<InputTensor, "name">[];
  readonly attributes: Readonly<Record<string, Setting>>;
  readonly opset: number;
}

const sizeOf = (dims: readonly number[]): number => dims.reduce((all, dim) => all * dim, 1);

const trials: Readonly<Record<string, (dice: Dice) => Trial>> = {
  GridSample: (dice) => {
    const [batch, channels, opset] = [dice.whole(1, 3), dice.whole(1, 4), dice.pick(16, 20, 22)];
    // onnxruntime samples volumes since operator set 20, and not by cubes.
    const sides = opset === 16 ? 2 : dice.whole(2, 4);
    const side = (): number => dice.whole(1, 8);
    const modes: readonly [string, ...string[]] =
      opset === 16
        ? ["bilinear", "nearest", "bicubic"]
        : sides === 3
          ? ["linear", "nearest"]
          : ["linear", "nearest", "cubic"];
    const grid = [batch, ...Array.from({ length: sides }, side), sides];
    return {
      opset,
      inputs: [
        dice.reals([batch, channels, ...Array.from({ length: sides }, side)], -3, 3),
        dice.reals(grid, -1.6, 1.6),
      ],
      attributes: {
        mode: dice.pick(...modes),
        padding_mode: dice.pick("zeros", "border", "reflection"),
        align_corners: dice.whole(0, 2),
      },
    };
  },
  RoiAlign: (dice) => {
    const [batch, regions, opset] = [dice.whole(1, 3), dice.whole(1, 6), dice.pick(10, 16, 22)];
    const dims = [batch, dice.whole(1, 4), dice.whole(1, 9), dice.whole(1, 9)];
    const coordinates = { coordinate_transformation_mode: dice.pick("half_pixel", "output_half_pixel") };
    return {
      opset,
      inputs: [
        dice.reals(dims, -3, 3),
        dice.reals([regions, 4], -4, 12),
        { dtype: "i64", dims: [regions], data: Float64Array.from({ length: regions }, () => dice.whole(0, batch)) },
      ],
      attributes: {
        mode: dice.pick("avg", "max"),
        output_height: dice.whole(1, 4),
        output_width: dice.whole(1, 4),
        sampling_ratio: dice.whole(0, 3),
        ...(opset === 10 ? {} : coordinates),
      },
    };
  },
  MaxUnpool: (dice) => {
    const [batch, channels, sides] = [dice.whole(1, 3), dice.whole(1, 4), dice.whole(1, 4)];
    const pooled = Array.from({ length: sides }, () => dice.whole(1, 5));
    const kernel = pooled.map(() => dice.whole(2, 4));
    const dims = [batch, channels, ...pooled];
    // Windows do not overlap, so that every index is another.
    const full = pooled.map((side, i) => side * (kernel[i] ?? 1));
    const indices = Float64Array.from({ length: sizeOf(dims) }, (_, at) => {
      let [rest, index, stride] = [at, 0, 1];
      for (let i = sides - 1; i >= 0; i--) {
        const [side, window] = [pooled[i] ?? 1, kernel[i] ?? 1];
        index += ((rest % side) * window + dice.whole(0, window)) * stride;
        rest = Math.floor(rest / side);
        stride *= full[i] ?? 1;
      }
      return rest * stride + index;
    });
    return {
      opset: dice.pick(9, 11, 22),
      inputs: [dice.reals(dims, -3, 3), { dtype: "i64", dims, data: indices }],
      attributes: { kernel_shape: kernel, strides: kernel },
    };
  },
};

function attributeOf([name, value]: readonly [string, Setting]): OnnxAttribute {
  if (typeof value === "string") return makeAttributeString(name, value);
  return typeof value === "number" ? makeAttributeInt(name, value) : makeAttributeInts(name, value);
}

async function modelOf(opType: string, { inputs, attributes, opset }: Trial) {
  const tensors = inputs.map((tensor, i): InputTensor => ({ name: `x${i}`, ...tensor }));
  const graph = makeGraph({
    nodes: [
      makeNode({
        opType,
        inputs: tensors.map(({ name }) => name),
        outputs: ["y"],
        attributes: Object.entries(attributes).map(attributeOf),
      }),
    ],
    inputs: tensors.map(({ name, dtype, dims }) =>
      makeValueInfo(name, dtype === "i64" ? OnnxType.INT64 : OnnxType.FLOAT, dims),
    ),
    outputs: [makeValueInfo("y", OnnxType.FLOAT)],
  });
  return {
    model: await onnxBytes(makeModel({ irVersion: 9, opsets: [{ domain: "", version: opset }], graph })),
    tensors,
  };
}

describe("sampling operators over random shapes", () => {
  const device = testDevice();

  it.each(Object.keys(trials))("%s equals onnxruntime's", async (opType) => {
    const backend = new WebGpuBackend(await device(), graphKernelSpecs);
    for (let seed = 0; seed < 40; seed++) {
      const trial = trials[opType]?.(new Dice(seed));
      if (!trial) continue;
      const { model, tensors } = await modelOf(opType, trial);
      const shapes = trial.inputs.map(({ dims }) => `[${dims.join()}]`).join(" ");
      const about = `${seed}: ${shapes} of opset ${trial.opset} ${JSON.stringify(trial.attributes)}`;
      const worst = await compareForward(model, tensors, backend);
      expect(worst.length, about).toBe(1);
      for (const { error } of worst) expect(error, about).toBeLessThan(1e-5);
    }
  });
});
