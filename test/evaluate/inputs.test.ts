import { describe, expect, test } from "vitest";
import { elementCount } from "../../src/base/dtypes.ts";
import { FormatError, UsageError } from "../../src/base/errors.ts";
import { arrayFromJson, inputFromArray } from "../../src/evaluate/given-inputs.ts";
import { integerInputRanges } from "../../src/evaluate/input-ranges.ts";
import { chooseDims, makeInputs } from "../../src/evaluate/inputs.ts";
import type { InputSpec } from "../../src/evaluate/tensors.ts";
import { OnnxType, type OnnxTensor } from "../../src/formats/onnx/ir.ts";
import {
  makeAttributeInt,
  makeAttributeTensor,
  makeGraph,
  makeNode,
  makeTensor,
  makeValueInfo,
} from "../../src/formats/onnx/make.ts";

const image: InputSpec = { name: "x", dtype: "f32", dims: ["p2o.DynamicDimension.0", 3, 48, "p2o.DynamicDimension.1"] };
const ids: InputSpec = { name: "input_ids", dtype: "i64", dims: ["batch", "sequence"] };

describe("chooseDims", () => {
  test.each<[string, InputSpec, number[]]>([
    ["a picture of open width", image, [1, 3, 48, 224]],
    ["a picture of open size", { name: "x", dtype: "f32", dims: ["N", 3, undefined, undefined] }, [1, 3, 224, 224]],
    ["token ids", ids, [1, 32]],
    ["sound", { name: "input", dtype: "f32", dims: [undefined, undefined] }, [1, 512]],
    ["a state", { name: "state", dtype: "f32", dims: [2, undefined, 128] }, [2, 1, 128]],
    ["a scalar", { name: "sr", dtype: "i64", dims: [] }, []],
    [
      "an empty cache",
      { name: "past_key_values.0.key", dtype: "f32", dims: ["batch_size", 4, "past_sequence_length", 64] },
      [1, 4, 0, 64],
    ],
    [
      "a sum of symbols",
      { name: "attention_mask", dtype: "i64", dims: ["batch_size", "past_sequence_length + 1"] },
      [1, 1],
    ],
  ])("%s", (_, spec, dims) => {
    expect(chooseDims(spec)).toEqual(dims);
  });

  test("the caller overrules by symbol or by shape", () => {
    expect(chooseDims(ids, { dims: { batch: 2, sequence: 7 } })).toEqual([2, 7]);
    expect(chooseDims(image, { shapes: { x: [1, 3, 48, 320] } })).toEqual([1, 3, 48, 320]);
    expect(() => chooseDims(image, { shapes: { x: [1, 3, 32, 320] } })).toThrow(UsageError);
    expect(() => chooseDims(image, { shapes: { x: [3, 48, 320] } })).toThrow(UsageError);
  });
});

describe("makeInputs", () => {
  test("repeats by seed, and an input's values do not depend on the others", () => {
    const [alone] = makeInputs([image], { seed: 5 });
    const [, again] = makeInputs([ids, image], { seed: 5 });
    const [other] = makeInputs([image], { seed: 6 });
    expect(again).toEqual(alone);
    expect(other?.data).not.toEqual(alone?.data);
    expect(alone?.content).toBe("normal");
  });

  test("the inputs of a voice detector: state of zeros, rate of 16000", () => {
    const made = makeInputs([
      { name: "input", dtype: "f32", dims: [undefined, undefined] },
      { name: "state", dtype: "f32", dims: [2, undefined, 128] },
      { name: "sr", dtype: "i64", dims: [] },
    ]);
    expect(made.map(({ dims, content }) => [dims, content])).toEqual([
      [[1, 512], "normal"],
      [[2, 1, 128], "zeros"],
      [[], "16000"],
    ]);
    expect(made[2]?.data).toEqual(Float64Array.of(16000));
  });

  test("ids stay within their table, masks are ones, positions count", () => {
    const made = makeInputs(
      [
        ids,
        { name: "attention_mask", dtype: "i64", dims: ["batch", "sequence"] },
        { name: "position_ids", dtype: "i64", dims: ["batch", "sequence"] },
      ],
      { dims: { batch: 2, sequence: 300 }, ranges: new Map([["input_ids", [0, 260]]]) },
    );
    const [tokens, mask, positions] = made;
    expect(Math.max(...(tokens?.data ?? []))).toBeLessThan(260);
    expect(Math.max(...(tokens?.data ?? []))).toBeGreaterThan(200);
    expect(mask?.data.every((value) => value === 1)).toBe(true);
    expect(positions?.data.slice(299, 302)).toEqual(Float64Array.of(299, 0, 1));
  });

  test("unknown names and impossible sizes are refused with the names there are", () => {
    expect(() => makeInputs([ids], { dims: { seq: 3 } })).toThrow(/batch, sequence/);
    expect(() => makeInputs([ids], { shapes: { tokens: [1, 3] } })).toThrow(/input_ids/);
    expect(() => makeInputs([ids], { dims: { batch: -1 } })).toThrow(UsageError);
    expect(() => makeInputs([ids], { dims: { batch: 2 ** 20, sequence: 2 ** 20 } })).toThrow(/too large/);
  });
});

const table = (name: string, dims: number[]): OnnxTensor =>
  makeTensor(name, OnnxType.INT8, dims, new Uint8Array(elementCount(dims)));

describe("integerInputRanges", () => {
  const input = makeValueInfo("ids", OnnxType.INT64, ["n"]);
  const output = makeValueInfo("y", OnnxType.FLOAT);

  test("finds tables in initializers and constants, through operators on either side", () => {
    const graph = makeGraph({
      inputs: [input, makeValueInfo("free", OnnxType.INT64, ["n"])],
      outputs: [output],
      initializers: [table("words", [260, 2]), makeTensor("scale", OnnxType.FLOAT, [], new Uint8Array(4))],
      nodes: [
        makeNode({
          opType: "Cast",
          inputs: ["ids"],
          outputs: ["cast"],
          attributes: [makeAttributeInt("to", OnnxType.INT32)],
        }),
        makeNode({ opType: "DequantizeLinear", inputs: ["words", "scale"], outputs: ["float"] }),
        makeNode({ opType: "Gather", inputs: ["float", "cast"], outputs: ["a"] }),
        makeNode({
          opType: "Constant",
          inputs: [],
          outputs: ["small"],
          attributes: [makeAttributeTensor("value", table("", [3, 100]))],
        }),
        makeNode({
          opType: "Gather",
          inputs: ["small", "ids"],
          outputs: ["b"],
          attributes: [makeAttributeInt("axis", -1)],
        }),
        makeNode({ opType: "Add", inputs: ["a", "free"], outputs: ["y"] }),
      ],
    });
    expect([...integerInputRanges(graph)]).toEqual([["ids", [0, 100]]]);
  });

  test("a ring of nodes does not hang it", () => {
    const graph = makeGraph({
      inputs: [input],
      outputs: [output],
      initializers: [table("words", [4, 1])],
      nodes: [
        makeNode({ opType: "Identity", inputs: ["p"], outputs: ["q"] }),
        makeNode({ opType: "Identity", inputs: ["q"], outputs: ["p"] }),
        makeNode({ opType: "Gather", inputs: ["words", "p"], outputs: ["y"] }),
      ],
    });
    expect(integerInputRanges(graph).size).toBe(0);
  });
});

describe("given inputs", () => {
  test("JSON in both forms", () => {
    expect(
      arrayFromJson(
        [
          [1, 2, 3],
          [4, 5, 6],
        ],
        "a.json",
      ),
    ).toEqual({ dims: [2, 3], data: [1, 2, 3, 4, 5, 6] });
    expect(arrayFromJson({ dims: [3, 1], data: [1, 2, 3] }, "a.json")).toEqual({ dims: [3, 1], data: [1, 2, 3] });
    expect(arrayFromJson(7, "a.json")).toEqual({ dims: [], data: [7] });
    expect(arrayFromJson([true, false], "a.json").data).toEqual([1, 0]);
  });

  test.each([
    [[[1, 2], [3]]],
    [[1, [2]]],
    [[[1], 2]],
    ["text"],
    [[null]],
    [{ dims: [2], data: [1] }],
    [{ dims: [-1], data: [] }],
  ])("refuses %j", (value) => {
    expect(() => arrayFromJson(value, "a.json")).toThrow(FormatError);
  });

  test("must fit the input's shape and type", () => {
    const made = inputFromArray(ids, { dims: [1, 2], data: BigInt64Array.of(3n, 4n) }, "ids.npy");
    expect(made).toEqual({ name: "input_ids", dtype: "i64", dims: [1, 2], data: Float64Array.of(3, 4) });
    expect(() => inputFromArray(ids, { dims: [2], data: [1, 2] }, "ids.npy")).toThrow(UsageError);
    expect(() => inputFromArray(ids, { dims: [1, 1], data: [0.5] }, "ids.npy")).toThrow(/0\.5/);
    expect(() => inputFromArray(ids, { dims: [1, 1], data: BigInt64Array.of(2n ** 60n) }, "ids.npy")).toThrow(
      UsageError,
    );
    expect(() => inputFromArray(image, { dims: [1, 3, 47, 1], data: new Float32Array(141) }, "x.npy")).toThrow(
      UsageError,
    );
  });
});
