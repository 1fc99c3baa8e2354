// A model judged on the device beside the same figures from onnxruntime's answers, and beside a reference's losses.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { ByteSource } from "../../src/base/bytes.ts";
import { openOnnx } from "../../src/compress/open-model.ts";
import type { OnnxFile } from "../../src/compress/models.ts";
import { fromArrays, idxDataset } from "../../src/data/arrays.ts";
import type { Dataset } from "../../src/data/dataset.ts";
import { withPictures } from "../../src/data/pictures.ts";
import { subset } from "../../src/data/subsets.ts";
import { tokenWindows } from "../../src/data/token-windows.ts";
import type { OutputTensor } from "../../src/evaluate/tensors.ts";
import { evaluateFile } from "../../src/node-evaluate.ts";
import { fromFile } from "../../src/node-files.ts";
import { openNodeBackend, quantizeFile } from "../../src/node-quantize.ts";
import { runOracle } from "../support/ort.ts";

const fixtures = join(import.meta.dirname, "../fixtures");
const folder = mkdtempSync(join(tmpdir(), "wgslim-evaluate-"));
const opened: ByteSource[] = [];
afterAll(async () => {
  for (const source of opened) await source.close?.();
  rmSync(folder, { recursive: true, force: true });
});

async function file(path: string): Promise<ByteSource> {
  const source = await fromFile(path);
  opened.push(source);
  return source;
}

const open = async (path: string): Promise<OnnxFile> => await openOnnx(await file(path));
/** Few, for software adapters. */
const samples = 32;

async function fashion(): Promise<Dataset> {
  const at = join(fixtures, "fashion-mnist/first-128-");
  const labels = await file(`${at}labels-idx1-ubyte.gz`);
  const data = await idxDataset(await file(`${at}images-idx3-ubyte.gz`), { labels });
  const chosen = Array.from({ length: samples }, (_, index) => index);
  return withPictures(subset(data, chosen), "input", { mean: 0.286, std: 0.353 });
}

/** The best class of each sample by onnxruntime, and what is right. */
async function byOnnxRuntime(path: string): Promise<{ best: readonly number[]; labels: readonly number[] }> {
  const batch = await (await fashion()).read(Array.from({ length: samples }, (_, index) => index));
  const [pictures, labels] = [batch.get("input"), batch.get("label")];
  if (!pictures || !labels) throw new Error("no pictures");
  const [logits] = await runOracle(path, [{ ...pictures, name: "image" }]);
  return { best: bestOf(logits), labels: [...labels.data] };
}

function bestOf(logits: OutputTensor | undefined): readonly number[] {
  const classes = logits?.dims.at(-1) ?? 1;
  return Array.from({ length: samples }, (_, at) => {
    const row = [...(logits?.data.subarray(at * classes, (at + 1) * classes) ?? [])];
    return row.indexOf(Math.max(...row));
  });
}

const share = (hits: readonly boolean[]): number => hits.filter(Boolean).length / hits.length;

describe("fashion-cnn", () => {
  const path = join(fixtures, "models/fashion-cnn/model.onnx");
  const small = join(folder, "small.onnx");

  it("has onnxruntime's accuracy, and so has its 4-bit copy, whose difference is tested", async () => {
    await quantizeFile(path, small, {
      format: "int4",
      skip: false,
      backend: () => openNodeBackend({ adapter: "cpu" }),
    });
    const before = await byOnnxRuntime(path);
    const after = await byOnnxRuntime(small);
    const right = (best: readonly number[]): boolean[] => before.labels.map((label, at) => label === best[at]);
    const [rightBefore, rightAfter] = [right(before.best), right(after.best)];
    const found = await evaluateFile(await open(small), await fashion(), {
      task: "classification",
      against: await open(path),
      batchSize: 20,
      options: { resamples: 400 },
    });
    expect(found).toMatchObject({ output: "logits", samples, available: samples, batchSize: 20 });
    const { model, original, agreement, difference, warnings } = found.report;
    expect(original?.accuracy).toBe(share(rightBefore));
    expect(model?.accuracy).toBe(share(rightAfter));
    expect(agreement?.sameTopClass).toBe(share(before.best.map((best, at) => best === after.best[at])));
    expect(agreement?.klDivergence).toBeGreaterThan(0);
    expect(difference?.mcnemar).toMatchObject({
      onlyFirst: rightBefore.filter((hit, at) => hit && !rightAfter[at]).length,
      onlySecond: rightAfter.filter((hit, at) => hit && !rightBefore[at]).length,
    });
    const { low = 1, high = 0 } = model?.intervals?.accuracy ?? {};
    expect(low).toBeLessThan(model?.accuracy ?? 0);
    expect(high).toBeGreaterThan(model?.accuracy ?? 1);
    expect(warnings).toEqual([expect.stringContaining("Fewer than 10 samples")]);
  }, 300_000);
});

describe("tiny-llama", () => {
  it("has the reference's loss, each token judged by the one after it", async () => {
    const at = join(fixtures, "models/tiny-llama");
    const reference: { tokens: readonly number[]; nll_nats: readonly number[] } = JSON.parse(
      readFileSync(join(at, "reference.json"), "utf8"),
    );
    const tokens = reference.tokens.slice(0, 64);
    const data = tokenWindows("tokens", { dims: [64], data: BigInt64Array.from(tokens, BigInt) }, { length: 64 });
    const { report } = await evaluateFile(await open(join(at, "model.onnx")), data, {
      task: "language-model",
      options: { bytesPerToken: 1 },
    });
    // The loss of what follows the window's last token is the reference's alone.
    const losses = reference.nll_nats.slice(0, 63);
    const mean = losses.reduce((sum, loss) => sum + loss, 0) / 63;
    expect(report).toMatchObject({ sequences: 1, tokens: 63 });
    expect(report.model?.crossEntropy).toBeCloseTo(mean, 4);
    expect(report.model?.bitsPerByte).toBeCloseTo(mean / Math.LN2, 4);
  });

  it("refuses a token that is not in the vocabulary", async () => {
    const data = fromArrays("tokens", [
      ["input_ids", { dtype: "i64", dims: [1, 3], data: BigInt64Array.of(4n, 5n, 999n) }],
    ]);
    const judged = evaluateFile(await open(join(fixtures, "models/tiny-llama/model.onnx")), data, {
      task: "language-model",
    });
    await expect(judged).rejects.toThrow(/takes 0 to 259 in "input_ids", not 999/);
  });
});
