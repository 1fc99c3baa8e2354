// The demonstration as a function: shrink a text recogniser, let the original and every copy read the same
// rendered lines, score them. Quantizing and printing are handed in, so the parts run without a GPU too.
import { stat } from "node:fs/promises";
import { openOrtModel, type OrtModel } from "../../src/cli/ort.ts";
import { outputComparer } from "../../src/evaluate/compare.ts";
import type { QuantizeReport } from "../../src/report/types.ts";
import { decodeCtc, toInput } from "./recognize.ts";
import { renderLine, type RenderedLine } from "./render.ts";
import { scoreReadings } from "./score.ts";
import { makeLines } from "./text.ts";

/** One copy to make: `options` go to `quantize` as they are. */
export interface DemoCopy<Options> {
  readonly label: string;
  readonly output: string;
  readonly options: Options;
}

export interface DemoOptions<Options> {
  /** Path of the original model. */
  readonly model: string;
  /** The model's classes; see makeAlphabet. */
  readonly alphabet: readonly string[];
  readonly copies: readonly DemoCopy<Options>[];
  readonly quantize: (input: string, output: string, options: Options) => Promise<QuantizeReport>;
  readonly lines?: number;
  readonly seed?: number;
  /** 0 to 255; see renderLine. */
  readonly noise?: number;
  /** Called once before each longer step. */
  readonly onStep?: (text: string) => void;
}

export interface DemoModel {
  readonly label: string;
  readonly bytes: number;
  readonly characterErrorRate: number;
  readonly lineAccuracy: number;
  /** Of all outputs against the original's. */
  readonly cosine: number;
  /** What it read, line by line. */
  readonly read: readonly string[];
  /** Absent for the original. */
  readonly report?: QuantizeReport;
}

export interface DemoResult {
  readonly lines: readonly RenderedLine[];
  readonly seed: number;
  readonly noise: number;
  /** The original first. */
  readonly models: readonly DemoModel[];
}

/** Runs the demonstration; throws what quantizing and onnxruntime throw. */
export async function runDemo<Options>(options: DemoOptions<Options>): Promise<DemoResult> {
  const { model, alphabet, copies, quantize, lines: count = 40, seed = 1, noise = 20 } = options;
  const step = options.onStep ?? ((): void => undefined);
  const made: { label: string; path: string; report?: QuantizeReport }[] = [{ label: "original", path: model }];
  for (const { label, output, options: how } of copies) {
    step(`Shrinking to ${label}`);
    made.push({ label, path: output, report: await quantize(model, output, how) });
  }
  const lines = makeLines(count, seed).map((text, index) => renderLine(text, seed + index, noise));
  const sessions: OrtModel[] = [];
  step(`Reading ${lines.length} lines with each of ${made.length} models`);
  try {
    for (const { path } of made) sessions.push(await openOrtModel(path));
    const readings = made.map((): string[] => []);
    const comparers = made.map(() => outputComparer({ classes: "never" }));
    for (const line of lines) {
      const input = toInput(line.picture);
      // All models read one line before the next: only one line's outputs are held.
      const outputs = [];
      for (const session of sessions) outputs.push((await session.run([input]))[0]);
      const [original] = outputs;
      for (const [at, output] of outputs.entries()) {
        if (!original || !output) continue;
        readings[at]?.push(decodeCtc(output, alphabet));
        comparers[at]?.add(original, output);
      }
    }
    const truth = lines.map((line) => line.text);
    const models: DemoModel[] = [];
    for (const [at, { label, path, report }] of made.entries()) {
      const read = readings[at] ?? [];
      const cosine = comparers[at]?.result().cosine ?? 0;
      const { characterErrorRate, lineAccuracy } = scoreReadings(truth, read);
      const { size: bytes } = await stat(path);
      models.push({ label, bytes, characterErrorRate, lineAccuracy, cosine, read, ...(report && { report }) });
    }
    return { lines, seed, noise, models };
  } finally {
    for (const session of sessions) await session.dispose();
  }
}
