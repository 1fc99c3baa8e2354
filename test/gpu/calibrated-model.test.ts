// GPTQ of a real language model end to end: a file as large as plain rounding's whose answers are nearer to the
// original's, beyond chance.
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import { fromArrays } from "../../src/data/arrays.ts";
import { pairedBootstrapMean } from "../../src/evaluate/statistics/paired-bootstrap.ts";
import { openExecutor } from "../../src/node-executor.ts";
import { openOnnx } from "../../src/compress/open-model.ts";
import { fromFile } from "../../src/node-files.ts";
import { quantizeCalibratedFile } from "../../src/node-quantize-calibrated.ts";
import { quantizeFile } from "../../src/node-quantize.ts";

const fixtures = join(import.meta.dirname, "../fixtures/models/tiny-llama");
const input = join(fixtures, "model.onnx");
const folder = mkdtempSync(join(tmpdir(), "wgslim-calibrated-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const length = 64;
const text = readFileSync(join(fixtures, "eval.txt"));
/** Tokens are bytes above three special ones. */
const windows = (first: number, count: number): Float64Array =>
  Float64Array.from(text.subarray(first * length, (first + count) * length), (byte) => byte + 3);
const samples = (count: number) =>
  fromArrays("windows", [["input_ids", { dtype: "f64", dims: [count, length], data: windows(0, count) }]]);

/** Log probabilities of each position. */
async function answers(file: string, ids: Float64Array): Promise<readonly Float64Array[]> {
  const source = await fromFile(file);
  const { executor, dispose } = await openExecutor(await openOnnx(source));
  try {
    const dims = [ids.length / length, length];
    const { logits } = await executor.run({ input_ids: { dims, data: ids } });
    const size = logits?.dims.at(-1) ?? 1;
    return Array.from({ length: ids.length }, (_, at) => {
      const own = (logits?.data ?? new Float64Array()).subarray(at * size, (at + 1) * size);
      const most = own.reduce((a, b) => Math.max(a, b));
      const norm = most + Math.log(own.reduce((sum, value) => sum + Math.exp(value - most), 0));
      return own.map((value) => value - norm);
    });
  } finally {
    dispose();
    await source.close?.();
  }
}

const divergences = (original: readonly Float64Array[], ours: readonly Float64Array[]): number[] =>
  original.map((row, at) => row.reduce((sum, value, i) => sum + Math.exp(value) * (value - (ours[at]?.[i] ?? 0)), 0));

// A minute on SwiftShader; test/gpu/gptq.test.ts holds the layers to the same figures on every adapter.
it.skipIf(process.env["WGSLIM_ADAPTER"] === "swiftshader")(
  "int4 by GPTQ is nearer to the original than plain int4 of the same size",
  async () => {
    const [plain, ours] = [join(folder, "plain.onnx"), join(folder, "gptq.onnx")];
    await quantizeFile(input, plain, { format: "int4" });
    const report = await quantizeCalibratedFile(input, ours, {
      format: "int4",
      algorithm: "gptq",
      calibration: samples(24),
      feed: { batchSize: 8 },
    });
    // Names of tensors and the recipe are the same; only what the codes are differs.
    expect(statSync(ours).size).toBe(statSync(plain).size);
    const [embedding, ...products] = report.layers;
    expect(embedding).toMatchObject({ algorithm: "rtn", reason: "no statistics of its input" });
    expect(products.length).toBe(29);
    for (const { name, algorithm, error = 1, plainError = 0 } of products) {
      expect([name, algorithm]).toEqual([name, "gptq"]);
      expect(error).toBeLessThan(0.7 * plainError);
    }
    const ids = windows(128, 4);
    const original = await answers(input, ids);
    const [before, after] = [await answers(plain, ids), await answers(ours, ids)].map((each) =>
      divergences(original, each),
    );
    const { estimate, excludesZero } = pairedBootstrapMean(before ?? [], after ?? []);
    expect(estimate).toBeLessThan(0);
    expect(excludesZero).toBe(true);
  },
);

it("says what it needs where it finds no layer", async () => {
  const statistics = {
    version: 1,
    model: "0".repeat(64),
    samples: 1,
    tensors: { logits: { count: 260, min: 0, max: 1, meanSquare: 1 } },
  } as const;
  const run = quantizeCalibratedFile(input, join(folder, "none.onnx"), {
    format: "int4",
    algorithm: "gptq",
    calibration: statistics,
  });
  await expect(run).rejects.toThrow(UsageError);
});
