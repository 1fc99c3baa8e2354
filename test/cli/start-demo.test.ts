// The pieces of `npm start`, with copies made by hand instead of by the GPU.
import { copyFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { runDemo } from "../../examples/start/demo.ts";
import { decodeCtc, makeAlphabet, toInput } from "../../examples/start/recognize.ts";
import { lineHeight, renderLine } from "../../examples/start/render.ts";
import { editDistance, scoreReadings } from "../../examples/start/score.ts";
import { demoPage, demoText, tellingLines } from "../../examples/start/show.ts";
import { makeLines } from "../../examples/start/text.ts";
import type { OutputTensor } from "../../src/evaluate/tensors.ts";
import { dataModel } from "../support/data-models.ts";
import { sampleReport } from "../report/sample.ts";

const { path } = dataModel("ocr-rec");
const readAlphabet = async (): Promise<readonly string[]> =>
  makeAlphabet(await readFile(join(dirname(path), "ppocr_keys_v1.txt"), "utf8"));

describe("scores", () => {
  test.each([
    ["kitten", "sitting", 3],
    ["", "abc", 3],
    ["abc", "", 3],
    ["same", "same", 0],
    ["ab", "ba", 2],
    ["漢字", "漢子", 1],
  ])("%s to %s takes %i edits", (a, b, edits) => {
    expect(editDistance(a, b)).toBe(edits);
    expect(editDistance(b, a)).toBe(edits);
  });

  test("rates count characters and whole lines", () => {
    expect(scoreReadings(["abcd", "ef"], ["abcx", "ef"])).toEqual({ characterErrorRate: 1 / 6, lineAccuracy: 0.5 });
    expect(scoreReadings(["ab"], [])).toEqual({ characterErrorRate: 1, lineAccuracy: 0 });
  });
});

const scores = (steps: number[]): OutputTensor => ({
  name: "y",
  dims: [1, steps.length, 4],
  data: Float32Array.from(steps.flatMap((best) => [0, 1, 2, 3].map((index) => (index === best ? 0.9 : 0.03)))),
});

/** Different reds among the first pixels, which are paper. */
const paperTones = (noise: number): number => {
  const { rgba } = renderLine("mmmm", 1, noise).picture;
  return new Set(Array.from({ length: 8 }, (_, index) => rgba[index * 4])).size;
};

describe("decoding", () => {
  const alphabet = ["", "a", "b", " "];

  test("merges repeats, keeps doubles around a blank, drops margins", () => {
    expect(decodeCtc(scores([3, 0, 1, 1, 0, 1, 2, 2, 3, 1, 3]), alphabet)).toBe("aab a");
    expect(decodeCtc(scores([0, 0]), alphabet)).toBe("");
  });

  test("the dictionary gives one class for each of the model's", async () => {
    const classes = await readAlphabet();
    expect(classes).toHaveLength(6625);
    expect([classes[0], classes.at(-1)]).toEqual(["", " "]);
    expect(makeAlphabet("x\r\ny\r\n")).toEqual(["", "x", "y", " "]);
  });

  test("the input is planar, blue first, scaled to -1 … 1, padded to eights", () => {
    const rgba = Uint8ClampedArray.of(255, 0, 51, 255);
    const input = toInput({ width: 1, height: 1, rgba });
    expect(input.dims).toEqual([1, 3, 1, 8]);
    expect(input.data[0]).toBeCloseTo(51 / 127.5 - 1, 6);
    expect([input.data[8], input.data[23]]).toEqual([-1, 1]);
  });
});

describe("lines", () => {
  test("text and pictures repeat by seed", () => {
    expect(makeLines(5, 3)).toEqual(makeLines(5, 3));
    expect(makeLines(5, 3)).not.toEqual(makeLines(5, 4));
    const [a, b, c] = [
      renderLine("Total: 4.20 EUR", 1, 20),
      renderLine("Total: 4.20 EUR", 1, 20),
      renderLine("Total: 4.20 EUR", 2, 20),
    ];
    expect(a.picture.rgba).toEqual(b.picture.rgba);
    expect(c.picture.rgba).not.toEqual(a.picture.rgba);
    expect(a.picture.height).toBe(lineHeight);
    expect(a.picture.rgba).toHaveLength(a.picture.width * lineHeight * 4);
  });

  test("text is dark on light, with the noise asked for", () => {
    const { picture } = renderLine("mmmm", 1, 0);
    const reds = Array.from({ length: picture.width * lineHeight }, (_, index) => picture.rgba[index * 4] ?? 0);
    expect(Math.max(...reds) - Math.min(...reds)).toBeGreaterThan(100);
    expect(paperTones(0)).toBe(1);
    expect(paperTones(20)).toBeGreaterThan(3);
  });
});

test("the whole demonstration with a plain copy", { timeout: 300_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "wgslim-start-"));
  try {
    const result = await runDemo({
      model: path,
      alphabet: await readAlphabet(),
      lines: 16,
      copies: [{ label: "copy", output: join(folder, "copy.onnx"), options: { format: "none" } }],
      quantize: async (input, output) => {
        await copyFile(input, output);
        return sampleReport();
      },
    });
    const [original, copy] = result.models;
    expect(original?.lineAccuracy).toBeGreaterThanOrEqual(0.9);
    expect(original?.characterErrorRate).toBeLessThan(0.02);
    expect(copy).toMatchObject({ cosine: 1, read: original?.read, bytes: original?.bytes });

    const read = result.lines.map(({ text }, index) => (index === 9 ? `<b>${text}` : text));
    const bad = { label: "bad", bytes: 1, characterErrorRate: 0.1, lineAccuracy: 0.9, cosine: 0.5, read };
    const broken = { ...result, models: [...result.models, bad] };
    expect(tellingLines(broken, 16)).toHaveLength(16);
    expect(demoText(broken, 16)).toContain("(3 characters wrong)");
    expect(demoText(result)).toMatch(/copy +10\.3 MiB +100\.0 %/);
    const page = demoPage(broken);
    expect(page).toContain("data:image/png;base64,iVBOR");
    expect(page).toContain("&lt;b&gt;");
    expect(page).not.toMatch(/<script|src="(?!data:)|href=/);
    expect(page).toContain("SQNR by layer");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
