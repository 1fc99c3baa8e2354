// The page as readers meet it: models of several files, files that are none, broken weights, results that would not
// be smaller, a GPU that goes away, a second model in the middle of a run. Each in real Chrome, with what Node writes
// as the measure.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Page } from "puppeteer";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openModel } from "../../src/compress/open-model.ts";
import { planCompression, type QuantizeRecipe } from "../../src/compress/plan-compression.ts";
import { runCompression } from "../../src/compress/run-compression.ts";
import { fromBytes, toMemory } from "../../src/formats/sources/memory.ts";
import { kernelReferences } from "../../src/kernels/references.ts";
import { CpuBackend } from "../../src/run/cpu-backend.ts";
import { floatTensor, onnxBytes, op, randomTensor, smallModel } from "../support/onnx-models.ts";
import { downloadsOf, openSite, picture, sha256, textOf, waitForState, type Opened, type Site } from "./site.ts";

const fashion = resolve("test/fixtures/models/fashion-cnn/model.onnx");
const int4: QuantizeRecipe = { format: "int4" };

let site: Site;
let folder: string;
let opened: Opened;
let page: Page;

beforeAll(async () => {
  site = await openSite();
  folder = join(site.folder, "given");
  mkdirSync(folder);
});

afterAll(() => site?.close());

/** One page serves most tests, one after another, as it serves a reader. */
beforeEach(async () => {
  if (opened && !opened.page.isClosed()) return;
  opened = await site.open("quantize/index.html");
  page = opened.page;
  await waitForState(page, "ready");
});

type Files = Readonly<Record<string, Uint8Array>>;

function write(files: Files, below = ""): string[] {
  return Object.entries(files).map(([name, bytes]) => {
    const path = join(folder, below, name);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, bytes);
    return path;
  });
}

async function give(files: Files, input = "#file"): Promise<void> {
  const found = await page.$(`input${input}`);
  await page.evaluate(() => void (document.body.dataset["state"] = "given"));
  await (found as unknown as { uploadFile(...paths: string[]): Promise<void> }).uploadFile(...write(files));
}

async function problemAfter(files: Files): Promise<string> {
  await give(files);
  await page.waitForFunction(() => document.querySelector<HTMLElement>("#problem")?.hidden === false);
  return textOf(page, "#problem");
}

const press = (label: string): Promise<void> =>
  page.$$eval(
    "button",
    (buttons, wanted) => {
      const found = buttons.find((each) => each.textContent?.startsWith(wanted) && each.checkVisibility());
      if (!found) throw new Error(`There is no button "${wanted}".`);
      found.click();
    },
    label,
  );

/** What Node writes for the same files, on plain code. */
async function inNode(main: string, files: Files, recipe: QuantizeRecipe): Promise<ReturnType<typeof toMemory>> {
  const { [main]: bytes = new Uint8Array(0), ...siblings } = files;
  const backend = new CpuBackend(kernelReferences);
  const output = toMemory("out");
  const model = await openModel(fromBytes(main, bytes, { siblings }));
  await runCompression(planCompression(model, backend.profile, recipe), backend, { output });
  return output;
}

async function quantize(): Promise<readonly { readonly name: string; readonly digest: string }[]> {
  await page.waitForFunction(() => document.querySelector("#run")?.checkVisibility());
  await page.click("#run");
  await waitForState(page, "done", "failed");
  expect(await page.$eval("#problem", (problem) => problem.checkVisibility()), await textOf(page, "#problem")).toBe(
    false,
  );
  return downloadsOf(page);
}

/** A safetensors file, written from the format's description. */
function bag(tensors: Readonly<Record<string, readonly number[]>>): Uint8Array {
  let at = 0;
  const entries = Object.entries(tensors).map(([name, shape]) => {
    const bytes = shape.reduce((a, b) => a * b, 4);
    const entry = [name, { dtype: "F32", shape, data_offsets: [at, at + bytes] }] as const;
    at += bytes;
    return entry;
  });
  const header = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const file = new Uint8Array(8 + header.length + at);
  new DataView(file.buffer).setBigUint64(0, BigInt(header.length), true);
  file.set(header, 8);
  const values = Float32Array.from({ length: at / 4 }, (_, index) => Math.sin(index * 1.7) / (1 + (index % 13)));
  file.set(new Uint8Array(values.buffer), 8 + header.length);
  return file;
}

/** The classifier with its weights in a file beside it. */
async function apart(): Promise<{ readonly files: Files; readonly data: string }> {
  const data = "weights.onnx_data";
  const written = await inNode("m", { m: readFileSync(fashion) }, { format: "fp16", externalDataFile: data });
  const bytes = written.siblings().get(data);
  if (!bytes) throw new Error("no data file");
  return { files: { "apart.onnx": written.bytes(), [data]: bytes }, data };
}

describe("files that are no model", () => {
  it.each([
    [
      "a checkpoint",
      { "net.pt": new TextEncoder().encode("PK\u0003\u0004 and so on") },
      /net\.pt is a ZIP.*PyTorch.*Export/s,
    ],
    [
      "noise",
      { "noise.onnx": Uint8Array.from({ length: 300 }, (_, i) => (i * 89) % 251) },
      /can't be read.*noise\.onnx/s,
    ],
    ["an empty file", { "empty.onnx": new Uint8Array(0) }, /empty\.onnx: the file is empty/],
    ["half a model", { "half.onnx": readFileSync(fashion).subarray(0, 200_000) }, /half\.onnx.*FORMAT/s],
    [
      "half a safetensors file",
      { "half.safetensors": bag({ a: [8, 8] }).subarray(0, 100) },
      /half\.safetensors.*FORMAT/s,
    ],
    ["files without a model", { "a.txt": new Uint8Array(3), "b.txt": new Uint8Array(3) }, /no model among these files/],
  ])("%s is named", async (_, files, words) => {
    expect(await problemAfter(files)).toMatch(words);
    expect(opened.problems).toEqual([]);
  });
});

describe("models of several files", () => {
  it("a missing data file is named, added later, and the result is Node's", async () => {
    const { files, data } = await apart();
    const { [data]: _, ...alone } = files;
    expect(await problemAfter(alone)).toMatch(new RegExp(`A data file is missing.*apart\\.onnx.*${data}`, "s"));
    await picture(page, "quantize-missing-file");
    await give({ [data]: files[data] ?? new Uint8Array(0) });
    const [model] = await quantize();
    expect(await textOf(page, "#model")).toContain(`apart.onnx with ${data}`);
    expect(model).toEqual({
      name: "apart_int4.onnx",
      digest: sha256((await inNode("apart.onnx", files, int4)).bytes()),
    });
  });

  it("weights go to a file of their own where the reader wants them there", async () => {
    await page.click("#again");
    await page.click("#apart");
    await waitForState(page, "ready");
    const downloads = await quantize();
    await page.click("#again");
    await page.click("#apart");
    const { files } = await apart();
    const written = await inNode("apart.onnx", files, { ...int4, externalDataFile: "apart_int4.onnx_data" });
    const data = written.siblings().get("apart_int4.onnx_data") ?? new Uint8Array(0);
    expect(downloads).toEqual([
      { name: "apart_int4.onnx", digest: sha256(written.bytes()) },
      { name: "apart_int4.onnx_data", digest: sha256(data) },
    ]);
  });

  it("a folder with two models is a question", async () => {
    const { files } = await apart();
    const below = join("drop", "onnx");
    write({ ...files, "other.onnx": readFileSync(fashion) }, below);
    const session = await page.createCDPSession();
    const data = { items: [], files: [join(folder, "drop")], dragOperationsMask: 1 };
    for (const type of ["dragEnter", "dragOver", "drop"] as const) {
      await session.send("Input.dispatchDragEvent", { type, x: 300, y: 300, data });
    }
    await page.waitForFunction(() => document.querySelector("#candidates")?.checkVisibility());
    expect(await textOf(page, "#candidates")).toMatch(/2 models.*drop\/onnx\/apart\.onnx.*drop\/onnx\/other\.onnx/s);
    await picture(page, "quantize-which-model");
    await press("drop/onnx/apart.onnx");
    await page.waitForFunction(() =>
      /apart\.onnx with weights/.test(document.querySelector("#model")?.textContent ?? ""),
    );
  });

  it("safetensors come alone and as shards, with one result", async () => {
    const shapes = { "a.weight": [48, 64], "b.weight": [32, 96] };
    const index = { weight_map: { "a.weight": "m-1.safetensors", "b.weight": "m-2.safetensors" } };
    const shards: Files = {
      "m.safetensors.index.json": new TextEncoder().encode(JSON.stringify(index)),
      "m-1.safetensors": bag({ "a.weight": shapes["a.weight"] }),
      "m-2.safetensors": bag({ "b.weight": shapes["b.weight"] }),
    };
    await give(shards);
    const [sharded] = await quantize();
    const expected = await inNode("m.safetensors.index.json", shards, int4);
    expect(sharded).toEqual({ name: "m_int4.safetensors", digest: sha256(expected.bytes()) });
    const alone = { "one.safetensors": bag(shapes) };
    await give(alone);
    const [single] = await quantize();
    const digest = sha256((await inNode("one.safetensors", alone, int4)).bytes());
    expect(single).toEqual({ name: "one_int4.safetensors", digest });
    const { "m-2.safetensors": _, ...lacking } = shards;
    expect(await problemAfter(lacking)).toMatch(/data file is missing.*m-2\.safetensors/s);
    expect(opened.problems).toEqual([]);
  });
});

describe("runs that do not go through", () => {
  it("broken weights are named and can stay float", async () => {
    const values = Array.from({ length: 64 * 64 }, (_, index) => (index === 77 ? Number.NaN : Math.cos(index)));
    const model = smallModel({
      nodes: [op("MatMul", ["x", "bad.weight[0]"], ["h"]), op("MatMul", ["h", "good"], ["y"])],
      inputs: [["x", [1, 64]]],
      outputs: [["y", [1, 64]]],
      initializers: [floatTensor("bad.weight[0]", [64, 64], values), randomTensor("good", [64, 64])],
    });
    await give({ "nan.onnx": await onnxBytes(model) });
    await page.waitForFunction(() => document.querySelector("#run")?.checkVisibility());
    await page.click("#run");
    await waitForState(page, "failed");
    expect(await textOf(page, "#problem")).toMatch(/broken weights.*bad\.weight\[0\].*1 values.*element 77/s);
    expect(await textOf(page, "#problem")).not.toContain("--rule");
    await picture(page, "quantize-broken-weights");
    await press("Leave that weight float");
    await waitForState(page, "ready");
    expect(await textOf(page, "#skipped")).toContain("bad.weight[0]");
    const [result] = await quantize();
    expect(result?.name).toBe("nan_int4.onnx");
  });

  it("a result that would not be smaller is told before the run", async () => {
    const model = smallModel({
      nodes: [op("MatMul", ["x", "w"], ["y"])],
      inputs: [["x", [1, 4]]],
      outputs: [["y", [1, 4]]],
      initializers: [randomTensor("w", [4, 4])],
    });
    await page.select("#format", "fp16");
    await give({ "tiny.onnx": await onnxBytes(model) });
    await page.waitForFunction(() => document.querySelector("#verdict")?.checkVisibility());
    expect(await textOf(page, "#verdict")).toMatch(/not make the file smaller.* would become /s);
    expect(await textOf(page, "#run")).toBe("Quantize all the same");
    await picture(page, "quantize-larger");
    await page.select("#format", "int4");
    expect(opened.problems).toEqual([]);
  });

  it("a GPU that goes away costs what was under way, and no more", async () => {
    await page.select("#budget", "1048576");
    await give({ "model.onnx": readFileSync(fashion) });
    await page.waitForFunction(() => document.querySelector("#run")?.checkVisibility());
    const submits = Number(/in (\d+) submits/.exec(await textOf(page, "#figures"))?.[1]);
    const lostAfter = 6;
    expect(submits).toBeGreaterThan(2 * lostAfter);
    const [worker] = page.workers();
    if (!worker) throw new Error("no worker");
    // Within the worker, the device is destroyed from outside after some submits, as a driver's reset would do it.
    await worker.evaluate((after) => {
      const { createBuffer } = GPUDevice.prototype;
      const { submit } = GPUQueue.prototype;
      const devices = new Set<GPUDevice>();
      let count = 0;
      GPUDevice.prototype.createBuffer = function (...args) {
        devices.add(this);
        return createBuffer.apply(this, args);
      };
      GPUQueue.prototype.submit = function (...args) {
        if (count++ === after) for (const device of devices) device.destroy();
        Object.assign(globalThis, { submits: count });
        return submit.apply(this, args);
      };
    }, lostAfter);
    await page.click("#run");
    await waitForState(page, "failed");
    expect(await textOf(page, "#problem")).toMatch(/The GPU went away.*done are kept.*DEVICE_LOST/s);
    await picture(page, "quantize-device-lost");
    const counted = (): Promise<number> =>
      worker.evaluate(() => (globalThis as unknown as { submits: number }).submits);
    const before = await counted();
    await press("Go on");
    await waitForState(page, "done");
    // The second device does the rest alone.
    expect((await counted()) - before).toBeLessThan(submits - lostAfter / 2);
    const expected = await inNode("model.onnx", { "model.onnx": readFileSync(fashion) }, int4);
    expect((await downloadsOf(page))[0]?.digest).toBe(sha256(expected.bytes()));
    await page.select("#budget", "");
    expect(opened.problems).toEqual([]);
  });

  it("a second model in the middle of a run is a question; the first can be cancelled for it", async () => {
    await page.evaluate(() => document.querySelector<HTMLElement>("#ocr-rec")?.click());
    await page.waitForFunction(() => /ocr-rec/.test(document.querySelector("#model")?.textContent ?? ""));
    await page.waitForFunction(() => document.querySelector("#run")?.checkVisibility());
    // In one go within the page: the run must not be over before the drop.
    const asked = await page.evaluate(async (base64) => {
      document.querySelector<HTMLElement>("#run")?.click();
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([bytes], "second.onnx"));
      document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
      let shown: Element | null = null;
      while (!shown) {
        await new Promise((frame) => requestAnimationFrame(frame));
        shown = document.querySelector("#problem:not([hidden])");
      }
      const words = shown.textContent ?? "";
      shown.querySelector("button")?.click();
      return words;
    }, readFileSync(fashion).toString("base64"));
    expect(asked).toMatch(/One model at a time.*second\.onnx was not opened.*Cancel the run and open it/s);
    await page.waitForFunction(() => /second\.onnx/.test(document.querySelector("#model")?.textContent ?? ""));
    const [result] = await quantize();
    expect(result?.name).toBe("second_int4.onnx");
    expect(opened.problems).toEqual([]);
  });

  it("arrow keys lead from layer to layer, in the chart and in the table", async () => {
    const chosen = (): Promise<string> => textOf(page, "#rows .chosen .link");
    await page.focus("#rows .chosen .link");
    await page.keyboard.press("Home");
    const first = await chosen();
    await page.keyboard.press("ArrowDown");
    expect(await chosen()).not.toBe(first);
    await page.$eval("#loss .bar.chosen", (bar) => (bar as unknown as SVGElement).focus());
    await page.keyboard.press("ArrowLeft");
    expect(await chosen()).toBe(first);
    expect(await page.$$eval("#loss [tabindex='0']", (stops) => stops.length)).toBe(1);
    await page.waitForFunction(
      (name) => document.querySelector("#histogram-title")?.textContent?.includes(name),
      {},
      first,
    );
  });
});
