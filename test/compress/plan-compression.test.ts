// Planning models too large to hold: nothing is read.
import { expect, it } from "vitest";
import { InternalError, UnsupportedError } from "../../src/base/errors.ts";
import type { ByteSource } from "../../src/base/bytes.ts";
import type { Model, OnnxFile } from "../../src/compress/models.ts";
import { planCompression } from "../../src/compress/plan-compression.ts";
import { planOnnx } from "../../src/compress/plan-onnx.ts";
import { OnnxType } from "../../src/formats/onnx/ir.ts";
import { makeTensor } from "../../src/formats/onnx/make.ts";
import { portableProfile } from "../../src/plan/portable-profile.ts";
import { op, smallModel } from "../support/onnx-models.ts";

const source: ByteSource = {
  name: "huge.onnx",
  size: 12 * 2 ** 30,
  read: () => Promise.reject(new InternalError("a plan reads nothing")),
};

/** 10 GiB of f32 in two weights. */
function hugeModel(): Model {
  const [rows, cols] = [32_768, 40_960];
  const weight = (name: string, offset: number) =>
    makeTensor(name, OnnxType.FLOAT, [rows, cols], {
      kind: "range",
      range: { source, offset, length: rows * cols * 4 },
      external: { location: "huge.onnx_data" },
    });
  const onnx = smallModel({
    nodes: [op("MatMul", ["x", "a"], ["p"]), op("MatMul", ["x", "b"], ["q"]), op("Add", ["p", "q"], ["y"])],
    inputs: [["x", ["n", rows]]],
    outputs: [["y", ["n", cols]]],
    initializers: [weight("a", 0), weight("b", rows * cols * 4)],
  });
  const file = { format: "onnx", source, onnx } as const satisfies OnnxFile;
  return { ...file, draft: (recipe, options) => planOnnx(file, recipe, options) };
}

it("puts weights beside a model that would pass protobuf's limit, and only then", () => {
  const model = hugeModel();
  const large = planCompression(model, portableProfile, { format: "int8" }, { dataFile: "out.onnx_data" });
  expect(large.job.layout.external?.fileName).toBe("out.onnx_data");
  expect(large.output.bytes).toBeGreaterThan(2.5 * 2 ** 30);
  const small = planCompression(
    model,
    portableProfile,
    { format: "int4", formatOptions: { blockSize: 128 } },
    { dataFile: "out.onnx_data" },
  );
  expect(small.output.bytes).toBeLessThan(2 ** 31);
  expect(small.job.layout.external).toBeUndefined();
  expect(() => planCompression(model, portableProfile, { format: "int8" })).toThrow(UnsupportedError);
});
