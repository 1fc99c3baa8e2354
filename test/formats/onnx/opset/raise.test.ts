// Raising the operator set keeps what a model computes: each case runs in onnxruntime before and after.
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { describe, expect, it } from "vitest";
import { UnsupportedError } from "../../../../src/base/errors.ts";
import type { InputTensor } from "../../../../src/evaluate/tensors.ts";
import { readOnnx } from "../../../../src/formats/onnx/read.ts";
import { OnnxType, type OnnxModel } from "../../../../src/formats/onnx/ir.ts";
import { raiseVersions } from "../../../../src/formats/onnx/opset/raise.ts";
import { collectScopes, NameSpace } from "../../../../src/model/scopes.ts";
import {
  floatInput,
  floatTensor,
  halfTensor,
  intTensor,
  largestDifference,
  onnxBytes,
  onnxSource,
  op,
  randomTensor,
  smallGraph,
  smallModel,
  type SmallModel,
} from "../../../support/onnx-models.ts";
import { runOracle } from "../../../support/ort.ts";

async function raise(model: OnnxModel, opset: number) {
  const read = await readOnnx(await onnxSource(model));
  const names = new NameSpace(collectScopes(read));
  return raiseVersions(read, { opset, domains: [], fresh: (wanted) => names.fresh(wanted) });
}

interface Case extends SmallModel {
  readonly name: string;
  readonly to: number;
  readonly feeds: readonly InputTensor[];
}

const x234 = floatInput("x", [2, 3, 4]);
const image = floatInput("x", [1, 2, 6, 6]);
const f16 = OnnxType.FLOAT16;
const [i64, bool] = [OnnxType.INT64, OnnxType.BOOL];

const groupNorms = [true, false].map((known): Case => ({
  name: `GroupNormalization, channels ${known ? "known" : "unknown"}`,
  opset: 18,
  to: 21,
  nodes: [
    op("GroupNormalization", ["x", "scale", "bias"], ["n"], { num_groups: 2n, epsilon: 1e-3 }),
    op("Identity", ["n"], ["y"]),
  ],
  inputs: [["x", known ? [2, 6, 4] : undefined]],
  outputs: [["y", undefined]],
  initializers: [floatTensor("scale", [2], [0.5, -3]), floatTensor("bias", [2], [7, 0.25])],
  feeds: [floatInput("x", [2, 6, 4])],
}));

const softmaxes = ["Softmax", "LogSoftmax", "Hardmax"].flatMap((opType) =>
  [0, 1, 2].flatMap((axis) =>
    [true, false].map((ranked): Case => ({
      name: `${opType} over axis ${axis}, rank ${ranked ? "known" : "unknown"}`,
      opset: 9,
      to: 13,
      nodes: [
        op("Identity", ["x"], ["v"]),
        op(opType, ["v"], ["w"], { axis: BigInt(axis) }),
        op("Identity", ["w"], ["y"]),
      ],
      inputs: [["x", ranked ? [2, 3, 4] : undefined]],
      outputs: [["y", undefined]],
      feeds: [x234],
    })),
  ),
);

const reduces = ["L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "SumSquare", "Sum"].flatMap((kind) =>
  [[1n], [0n, 2n], undefined].map((axes): Case => ({
    name: `Reduce${kind} over ${axes?.join() ?? "all"}`,
    opset: 11,
    to: 18,
    nodes: [op("Abs", ["x"], ["a"]), op(`Reduce${kind}`, ["a"], ["y"], { ...(axes && { axes }), keepdims: 0n })],
    inputs: [["x", ["a", "b", "c"]]],
    outputs: [["y", undefined]],
    feeds: [x234],
  })),
);

const resizes = ["Resize", "Upsample"].flatMap((opType) =>
  (["nearest", "linear"] as const).flatMap((mode) =>
    [[1, 1, 2, 1.5], ...(opType === "Resize" ? [[1, 1, 0.5, 0.4]] : [])].map((scales): Case => ({
      name: `${opType} ${mode} by ${scales.join()}`,
      opset: opType === "Resize" ? 10 : 9,
      to: 21,
      nodes: [op(opType, ["x", "s"], ["y"], { mode })],
      inputs: [["x", [1, 2, 6, 6]]],
      outputs: [["y", undefined]],
      initializers: [floatTensor("s", [4], scales)],
      feeds: [image],
    })),
  ),
);

const pools = ["AveragePool", "MaxPool", "LpPool"].flatMap((opType) =>
  [{ pads: [0n, 0n, 0n, 0n] }, { pads: [1n, 1n, 1n, 1n] }, { pads: [1n, 1n, 1n, 1n], ceil_mode: 1n }]
    .filter((attributes) => !(opType === "LpPool" && "ceil_mode" in attributes))
    .flatMap((attributes) =>
      opType === "AveragePool" ? [attributes, { ...attributes, count_include_pad: 1n }] : [attributes],
    )
    .map((attributes): Case => ({
      name: `${opType} ${Object.keys(attributes).join(" ")} ${attributes.pads.join("")}`,
      opset: 11,
      to: 22,
      nodes: [op(opType, ["x"], ["y"], { kernel_shape: [3n, 3n], strides: [2n, 2n], ...attributes })],
      inputs: [["x", [1, 2, 6, 6]]],
      outputs: [["y", undefined]],
      feeds: [image],
    })),
);

const cases: readonly Case[] = [
  ...softmaxes,
  ...groupNorms,
  {
    name: "Softmax without an axis",
    opset: 7,
    to: 21,
    nodes: [op("Softmax", ["x"], ["y"])],
    inputs: [["x", [2, 3, 4]]],
    outputs: [["y", [2, 3, 4]]],
    feeds: [x234],
  },
  {
    name: "Softmax over a negative axis",
    opset: 11,
    to: 13,
    nodes: [op("Softmax", ["x"], ["y"], { axis: -2n })],
    inputs: [["x", undefined]],
    outputs: [["y", undefined]],
    feeds: [x234],
  },
  ...reduces,
  {
    name: "Squeeze and Unsqueeze",
    opset: 11,
    to: 13,
    nodes: [
      op("Unsqueeze", ["x"], ["u"], { axes: [0n, 2n] }),
      op("Squeeze", ["u"], ["s"], { axes: [0n] }),
      op("Squeeze", ["s"], ["y"]),
    ],
    inputs: [["x", [2, 3, 4]]],
    outputs: [["y", undefined]],
    feeds: [x234],
  },
  {
    name: "Split by sizes and in equal parts",
    opset: 11,
    to: 18,
    nodes: [
      op("Split", ["x"], ["a", "b"], { axis: 2n, split: [1n, 3n] }),
      op("Split", ["b"], ["c", "d", "e"], { axis: 2n }),
      op("Concat", ["e", "c", "a", "d"], ["y"], { axis: 2n }),
    ],
    inputs: [["x", [2, 3, 4]]],
    outputs: [["y", undefined]],
    feeds: [x234],
  },
  ...[{ min: -0.5 }, { max: 0.25 }, { min: -0.5, max: 0.25 }, {}].map((bounds): Case => ({
    name: `Clip ${Object.keys(bounds).join(" and ")}`,
    opset: 7,
    to: 11,
    nodes: [op("Clip", ["x"], ["y"], bounds)],
    inputs: [["x", [2, 3, 4]]],
    outputs: [["y", undefined]],
    feeds: [x234],
  })),
  {
    name: "Clip and Pad of halves",
    opset: 10,
    to: 13,
    nodes: [
      op("Cast", ["x"], ["h"], { to: BigInt(f16) }),
      op("Add", ["h", "b"], ["s"]),
      op("Clip", ["s"], ["c"], { min: -0.5, max: 0.75 }),
      op("Pad", ["c"], ["p"], { pads: [0n, 0n, 1n, 0n, 0n, 2n], value: 0.5 }),
      op("Cast", ["p"], ["y"], { to: BigInt(OnnxType.FLOAT) }),
    ],
    inputs: [["x", [2, 3, 4]]],
    outputs: [["y", undefined]],
    initializers: [halfTensor("b", [4], [0, 1, 2, 3])],
    feeds: [x234],
  },
  ...["constant", "reflect", "edge"].map((mode): Case => ({
    name: `Pad ${mode}`,
    opset: 9,
    to: 21,
    nodes: [
      op("Pad", ["x"], ["y"], { mode, pads: [0n, 1n, 2n, 0n, 0n, 1n], ...(mode === "constant" && { value: 2.5 }) }),
    ],
    inputs: [["x", [2, 3, 4]]],
    outputs: [["y", undefined]],
    feeds: [x234],
  })),
  ...[
    { axes: [1n, 2n], starts: [1n, -3n], ends: [9n, -1n] },
    { starts: [0n, 1n], ends: [1n, 3n] },
  ].map((attributes): Case => ({
    name: `Slice ${Object.keys(attributes).join(" ")}`,
    opset: 9,
    to: 13,
    nodes: [op("Slice", ["x"], ["y"], attributes)],
    inputs: [["x", [2, 3, 4]]],
    outputs: [["y", undefined]],
    feeds: [x234],
  })),
  {
    name: "TopK",
    opset: 9,
    to: 24,
    nodes: [op("TopK", ["x"], ["y", "i"], { k: 2n, axis: 1n })],
    inputs: [["x", [2, 3, 4]]],
    outputs: [
      ["y", undefined],
      ["i", undefined, i64],
    ],
    feeds: [x234],
  },
  {
    name: "Upsample with scales as an attribute",
    opset: 7,
    to: 13,
    nodes: [op("Upsample", ["x"], ["y"], { mode: "nearest", scales: [1, 1, 2, 3] })],
    inputs: [["x", [1, 2, 6, 6]]],
    outputs: [["y", undefined]],
    feeds: [image],
  },
  ...resizes,
  {
    name: "Dropout with a mask nobody reads",
    opset: 9,
    to: 21,
    nodes: [op("Dropout", ["x"], ["d", "mask"], { ratio: 0.3 }), op("Neg", ["d"], ["y"])],
    inputs: [["x", [2, 3, 4]]],
    outputs: [["y", undefined]],
    feeds: [x234],
  },
  {
    name: "BatchNormalization with spatial = 1",
    opset: 7,
    to: 15,
    nodes: [op("BatchNormalization", ["x", "s", "b", "m", "v"], ["y"], { epsilon: 0.01, spatial: 1n })],
    inputs: [["x", [1, 2, 6, 6]]],
    outputs: [["y", undefined]],
    initializers: [...["s", "b", "m"].map((name) => randomTensor(name, [2])), floatTensor("v", [2], [0.5, 2])],
    feeds: [image],
  },
  {
    name: "Scatter",
    opset: 9,
    to: 16,
    nodes: [op("Scatter", ["x", "i", "u"], ["y"], { axis: 1n })],
    inputs: [["x", [2, 3, 4]]],
    outputs: [["y", undefined]],
    initializers: [intTensor("i", [0, 2, 1, 1], [1, 2, 2]), randomTensor("u", [1, 2, 2])],
    feeds: [x234],
  },
  ...["avg", "max"].map((mode): Case => ({
    name: `RoiAlign ${mode}`,
    opset: 10,
    to: 21,
    nodes: [
      op("RoiAlign", ["x", "r", "b"], ["y"], {
        mode,
        output_height: 2n,
        output_width: 3n,
        sampling_ratio: 2n,
        spatial_scale: 0.9,
      }),
    ],
    inputs: [["x", [1, 2, 6, 6]]],
    outputs: [["y", undefined]],
    initializers: [floatTensor("r", [2, 4], [0.2, 0.7, 4.1, 5.3, 1, 1, 3, 3]), intTensor("b", [0, 0])],
    feeds: [image],
  })),
  ...["bilinear", "nearest", "bicubic"].map((mode): Case => ({
    name: `GridSample ${mode}`,
    opset: 16,
    to: 20,
    nodes: [op("GridSample", ["x", "g"], ["y"], { mode })],
    inputs: [["x", [1, 2, 6, 6]]],
    outputs: [["y", undefined]],
    initializers: [randomTensor("g", [1, 3, 3, 2], 0.5)],
    feeds: [image],
  })),
  {
    name: "DFT",
    opset: 17,
    to: 20,
    nodes: [op("DFT", ["x"], ["y"], { axis: 1n })],
    inputs: [["x", [2, 8, 1]]],
    outputs: [["y", undefined]],
    feeds: [floatInput("x", [2, 8, 1])],
  },
  ...pools,
  ...["SAME_UPPER", "SAME_LOWER"].map((auto_pad): Case => ({
    name: `ConvTranspose ${auto_pad}`,
    opset: 7,
    to: 22,
    nodes: [op("ConvTranspose", ["x", "w"], ["y"], { auto_pad, strides: [2n, 2n], kernel_shape: [3n, 3n] })],
    inputs: [["x", [1, 2, 6, 6]]],
    outputs: [["y", undefined]],
    initializers: [randomTensor("w", [2, 3, 3, 3])],
    feeds: [image],
  })),
  {
    name: "the bodies of If and Loop",
    opset: 11,
    to: 21,
    nodes: [
      op("If", ["c"], ["chosen"], {
        then_branch: {
          type: "graph",
          value: smallGraph({
            nodes: [op("Softmax", ["x"], ["t"], { axis: 1n })],
            inputs: [],
            outputs: [["t", undefined]],
          }),
        },
        else_branch: {
          type: "graph",
          value: smallGraph({
            nodes: [op("ReduceSum", ["x"], ["e"], { axes: [1n] })],
            inputs: [],
            outputs: [["e", undefined]],
          }),
        },
      }),
      op("Loop", ["n", "", "chosen"], ["y"], {
        body: {
          type: "graph",
          value: smallGraph({
            nodes: [
              op("Identity", ["go"], ["go_out"]),
              op("ReduceMean", ["state"], ["mean"], { axes: [2n] }),
              op("Sub", ["state", "mean"], ["state_out"]),
            ],
            inputs: [
              ["i", [], i64],
              ["go", [], bool],
              ["state", undefined],
            ],
            outputs: [
              ["go_out", [], bool],
              ["state_out", undefined],
            ],
          }),
        },
      }),
    ],
    inputs: [
      ["x", [2, 3, 4]],
      ["c", [], bool],
    ],
    outputs: [["y", undefined]],
    initializers: [intTensor("n", [2], [])],
    feeds: [x234, { name: "c", dtype: "bool", dims: [], data: Float32Array.of(1) }],
  },
];

describe("raiseVersions", () => {
  for (const { name, to, feeds, ...parts } of cases) {
    it(`keeps ${name} from ${parts.opset} to ${to}`, async () => {
      const before = smallModel(parts);
      const { model, warnings } = await raise(before, to);
      expect(model.opsets.find(({ domain }) => domain === "")?.version).toBe(to);
      expect(warnings[0]).toContain(`${parts.opset} to ${to}`);
      const expected = await runOracle(await onnxBytes(before), feeds);
      const actual = await runOracle(await onnxBytes(model), feeds);
      expect(actual.map((output) => output.dims)).toEqual(expected.map((output) => output.dims));
      for (const [i, { data }] of expected.entries()) {
        expect(largestDifference(data, actual[i]?.data ?? [])).toBeLessThan(2e-6);
      }
    });
  }

  it("raises no further than asked, and leaves a newer model alone", async () => {
    const relu = smallModel({
      opset: 13,
      nodes: [op("Relu", ["x"], ["y"])],
      inputs: [["x", [2]]],
      outputs: [["y", [2]]],
    });
    const same = await raise(relu, 10);
    expect(same).toMatchObject({ warnings: [], model: { irVersion: 7, opsets: [{ domain: "", version: 13 }] } });
    expect(same.model.graph.nodes[0]?.raw).toBeDefined();
    const pairs = [];
    for (const opset of [14, 15, 18, 19, 20, 21, 22, 23, 24, 25]) {
      pairs.push([opset, (await raise(relu, opset)).model.irVersion]);
    }
    expect(pairs).toEqual([
      [14, 7],
      [15, 8],
      [18, 8],
      [19, 9],
      [20, 9],
      [21, 10],
      [22, 10],
      [23, 11],
      [24, 12],
      [25, 13],
    ]);
    const ai = { ...relu, opsets: [{ domain: "ai.onnx", version: 13 }] };
    expect((await raise(ai, 21)).model.opsets).toEqual([{ domain: "", version: 21 }]);
  });

  it("adds the default domain to a model that has none of its operators", async () => {
    const gelu = {
      ...smallModel({
        opset: 1,
        nodes: [op("Gelu", ["x"], ["y"], {}, "com.microsoft")],
        inputs: [["x", [2]]],
        outputs: [["y", [2]]],
      }),
      opsets: [{ domain: "com.microsoft", version: 1 }],
    };
    expect((await raise(gelu, 21)).model.opsets).toEqual([
      { domain: "com.microsoft", version: 1 },
      { domain: "", version: 21 },
    ]);
  });

  it("takes constants out of the inputs when IR version 3 is left", async () => {
    const model = smallModel({
      opset: 8,
      ir: 3,
      nodes: [op("Add", ["x", "b"], ["y"])],
      inputs: [
        ["x", [2]],
        ["b", [2]],
      ],
      outputs: [["y", [2]]],
      initializers: [floatTensor("b", [2], [1, 2])],
    });
    const { model: raised } = await raise(model, 13);
    expect(raised.irVersion).toBe(7);
    expect(raised.graph.inputs.map(({ name }) => name)).toEqual(["x"]);
    const [sum] = await runOracle(await onnxBytes(raised), [
      { name: "x", dtype: "f32", dims: [2], data: Float32Array.of(5, 6) },
    ]);
    expect([...(sum?.data ?? [])]).toEqual([6, 8]);
  });

  it.each<readonly [string, SmallModel, number, string]>([
    [
      "training outputs",
      {
        opset: 9,
        nodes: [op("BatchNormalization", ["x", "s", "s", "s", "s"], ["y", "mean"])],
        inputs: [["x", [1, 2, 6, 6]]],
        outputs: [
          ["y", undefined],
          ["mean", undefined],
        ],
        initializers: [randomTensor("s", [2])],
      },
      14,
      'BatchNormalization "y_node"',
    ],
    [
      "per-activation batch norm",
      {
        opset: 7,
        nodes: [op("BatchNormalization", ["x", "s", "s", "s", "s"], ["y"], { spatial: 0n })],
        inputs: [["x", [1, 2]]],
        outputs: [["y", undefined]],
        initializers: [randomTensor("s", [2])],
      },
      9,
      "spatial = 0",
    ],
    [
      "a dropout mask that is read",
      {
        opset: 9,
        nodes: [op("Dropout", ["x"], ["y", "mask"])],
        inputs: [["x", [2]]],
        outputs: [
          ["y", undefined],
          ["mask", undefined],
        ],
      },
      13,
      'Dropout "y_node" (its mask became a boolean, version 10)',
    ],
    [
      "scaling up and down at once",
      {
        opset: 10,
        nodes: [op("Resize", ["x", "s"], ["y"])],
        inputs: [["x", [1, 1, 4, 4]]],
        outputs: [["y", undefined]],
        initializers: [floatTensor("s", [4], [1, 1, 2, 0.5])],
      },
      11,
      'Resize "y_node"',
    ],
    [
      "tf_half_pixel_for_nn",
      {
        opset: 11,
        nodes: [op("Resize", ["x", "r", "s"], ["y"], { coordinate_transformation_mode: "tf_half_pixel_for_nn" })],
        inputs: [["x", [1, 1, 4, 4]]],
        outputs: [["y", undefined]],
        initializers: [floatTensor("r", [0], []), floatTensor("s", [4], [1, 1, 2, 2])],
      },
      13,
      "tf_half_pixel_for_nn was removed",
    ],
    [
      "an ancient operator set",
      { opset: 6, nodes: [op("Relu", ["x"], ["y"])], inputs: [["x", [2]]], outputs: [["y", [2]]] },
      21,
      "Operator set 6 is older than 7",
    ],
  ])("refuses %s and names the node", async (_, model, to, text) => {
    const error: unknown = await raise(smallModel(model), to).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(UnsupportedError);
    expect(String(error)).toContain(text);
  });

  it("tells that computed scales were taken to enlarge", async () => {
    const model = smallModel({
      opset: 10,
      nodes: [op("Resize", ["x", "s"], ["y"])],
      inputs: [
        ["x", [1, 1, 4, 4]],
        ["s", [4]],
      ],
      outputs: [["y", undefined]],
    });
    expect((await raise(model, 11)).warnings[1]).toContain('Resize "y_node"');
  });

  it("keeps model-local functions, and refuses where their operators changed", async () => {
    const [before] = await runOracle(await onnxBytes(withFunction("Neg")), [x234]);
    const { model } = await raise(withFunction("Neg"), 21);
    const [after] = await runOracle(await onnxBytes(model), [x234]);
    expect(largestDifference(before?.data ?? [], after?.data ?? [])).toBeLessThan(1e-6);
    await expect(raise(withFunction("ReduceMean"), 21)).rejects.toThrow('ReduceMean in function "local::Inner"');
    await expect(raise(withFunction("ReduceMean"), 17)).resolves.toBeDefined();
  });
});

/** Softmax of a model-local function of one node; functions have no writer of ours. */
function withFunction(opType: string): OnnxModel {
  const node = new BinaryWriter().tag(1, 2).string("v").tag(2, 2).string("w").tag(4, 2).string(opType).finish();
  const opset = new BinaryWriter().tag(1, 2).string("").tag(2, 0).int64(13).finish();
  const body = new BinaryWriter().tag(1, 2).string("Inner").tag(4, 2).string("v").tag(5, 2).string("w");
  body.tag(7, 2).bytes(node).tag(9, 2).bytes(opset).tag(10, 2).string("local");
  const model = smallModel({
    opset: 13,
    domains: ["local"],
    ir: 8,
    nodes: [op("Inner", ["x"], ["m"], {}, "local"), op("Softmax", ["m"], ["y"])],
    inputs: [["x", [2, 3, 4]]],
    outputs: [["y", undefined]],
  });
  return { ...model, unknown: [{ field: 25, payload: new BinaryWriter().tag(25, 2).bytes(body.finish()).finish() }] };
}
