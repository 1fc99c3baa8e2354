// `wgslim evaluate` as a process: its one object on stdout, its page, and what it refuses before and after a run.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { writeNpy } from "../../src/formats/npy.ts";
import { buildCli, type Cli } from "../support/cli.ts";
import { floatTensor, onnxBytes, op, smallModel } from "../support/onnx-models.ts";

let cli: Cli;
let model: Uint8Array;
let folder = "";
const at = (name: string): string => join(folder, name);
const run = (line: string) => cli.run(folder, ["evaluate", ...line.split(" ")]);

const floats = (dims: readonly number[], values: readonly number[]): Uint8Array =>
  writeNpy({ dtype: "f32", dims, data: Float32Array.from(values) });

beforeAll(async () => {
  cli = await buildCli();
  // Three scores that are the three inputs, the last doubled.
  model = await onnxBytes(
    smallModel({
      nodes: [op("MatMul", ["x", "w"], ["scores"])],
      inputs: [["x", ["batch", 3]]],
      outputs: [["scores", ["batch", 3]]],
      initializers: [floatTensor("w", [3, 3], [1, 0, 0, 0, 1, 0, 0, 0, 2])],
    }),
  );
});
afterAll(() => cli.remove());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "wgslim-evaluate-"));
  writeFileSync(at("model.onnx"), model);
  writeFileSync(at("data.npy"), floats([4, 3], [3, 1, 1, 1, 3, 1, 1, 1, 3, 3, 0, 2]));
  writeFileSync(at("labels.npy"), floats([4], [0, 1, 2, 0]));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const classify = "model.onnx --task classification --adapter cpu --data";

describe("wgslim evaluate", () => {
  it("prints one object, and writes a page that names what it read", async () => {
    const result = await run(`${classify} data.npy --labels labels.npy --batch 3 --json --report page.html`);
    expect(result).toMatchObject({ code: 0 });
    // The last sample has 3 against 2 x 2: wrong.
    expect(JSON.parse(result.stdout)).toMatchObject({
      model: "model.onnx",
      samples: 4,
      available: 4,
      batchSize: 3,
      output: "scores",
      report: { task: "classification", model: { accuracy: 0.75 } },
    });
    expect(result.stderr).toContain("Fewer than 10 samples");
    expect(readFileSync(at("page.html"), "utf8")).toMatch(/75\.0 %.*Warnings.*Figures.*Classes/s);
  });

  it("prints tables, with the original beside where there is one", async () => {
    const result = await run(`${classify} data.npy --labels labels.npy --against model.onnx`);
    expect(result).toMatchObject({ code: 0 });
    expect(result.stdout).toMatch(/accuracy +75\.0 % .*same top class +100\.0 %.*McNemar.*exact +1\.000/s);
  });

  it("reads labels that are words out of JSON lines", async () => {
    const lines = [
      { x: [3, 1, 1], kind: "cat" },
      { x: [1, 1, 3], kind: "owl" },
      { x: [1, 3, 1], kind: "dog" },
    ];
    writeFileSync(at("data.jsonl"), lines.map((line) => JSON.stringify(line)).join("\n"));
    const result = await run(`${classify} data.jsonl --label-field kind --json`);
    expect(result).toMatchObject({ code: 0 });
    expect(JSON.parse(result.stdout).report).toMatchObject({
      classNames: ["cat", "dog", "owl"],
      model: { accuracy: 1 },
    });
  });

  it.each([
    ["nothing to judge by", `${classify} data.npy`, 2, /nothing to judge the model by.*Give labels/s],
    ["a label that is no class", `${classify} data.npy --labels wrong.npy`, 2, /7 is not one of the 3 classes/],
    ["fewer labels than samples", `${classify} data.npy --labels short.npy`, 2, /short\.npy has 3 rows .* 4 samples/],
    ["data of another width", `${classify} wide.npy --labels labels.npy`, 2, /\[4, 2\].*takes \[batch, 3\]/s],
    ["no sample", `${classify} empty.npy --labels empty.npy`, 2, /no sample/],
    ["NaN in the answers", `${classify} nan.npy --labels labels.npy`, 1, /NaN in "scores" for sample 2/],
    ["no such field", `${classify} data.npy --label-field kind`, 2, /no field "kind"/],
    ["a folder without pictures", `${classify} empty`, 2, /no picture in it/],
    ["another kind of file", `${classify} model.onnx`, 1, /no kind of data file/],
    ["a file that is not there", `${classify} none.npy`, 1, /none\.npy can't be opened/],
    ["an unknown task", "model.onnx --task translation --data data.npy", 2, /--task takes one of classification/],
    ["no task", "model.onnx --data data.npy", 2, /--task/],
    ["a batch that is none", `${classify} data.npy --labels labels.npy --batch 0`, 2, /--batch takes a number from 1/],
    ["half a sample", `${classify} data.npy --labels labels.npy --limit 1.5`, 2, /1\.5 is not a number of samples/],
    ["a report of another kind", `${classify} data.npy --labels labels.npy --report r.md`, 2, /\.html/],
    ["an unknown value", `${classify} data.npy --labels labels.npy --value nothing`, 2, /nothing/],
    [
      "labels of tokens",
      "model.onnx --task language-model --adapter cpu --data data.npy --labels labels.npy",
      2,
      /judged by the tokens/,
    ],
  ])("refuses %s", async (_, line, code, message) => {
    writeFileSync(at("wrong.npy"), floats([4], [0, 7, 2, 0]));
    writeFileSync(at("short.npy"), floats([3], [0, 1, 2]));
    writeFileSync(at("wide.npy"), floats([4, 2], [1, 2, 3, 4, 5, 6, 7, 8]));
    writeFileSync(at("empty.npy"), floats([0, 3], []));
    writeFileSync(at("nan.npy"), floats([4, 3], [3, 1, 1, 1, 3, 1, 1, Number.NaN, 3, 3, 0, 2]));
    mkdirSync(at("empty"));
    const result = await run(line);
    expect(result).toMatchObject({ code, stdout: "" });
    expect(result.stderr).toMatch(message);
    // A message for a reader, not a stack.
    expect(result.stderr).not.toMatch(/\n {4}at /);
    expect(existsSync(at("r.md"))).toBe(false);
  });
});
