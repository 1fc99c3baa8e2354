// Data in real Chrome, whose streams and decoders are others than Node's: packed arrays, pictures, and files at fault.
import { gzipSync } from "node:zlib";
import { createCanvas } from "@napi-rs/canvas";
import type { Browser, Page } from "puppeteer";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createServer, type ViteDevServer } from "vite";
import { writeNpz } from "../../src/formats/npz.ts";
import { wgslPlugin } from "../../src/tools/wgsl-plugin.ts";
import { launchChrome, openPage } from "./chrome.ts";
import type { Job, Outcome } from "./page/data.ts";

let vite: ViteDevServer;
let browser: Browser;
let page: Page;
let problems: string[];

beforeAll(async () => {
  vite = await createServer({
    configFile: false,
    logLevel: "error",
    plugins: [wgslPlugin()],
    // Not watched: a page that reloads for an edited source loses its run.
    server: { port: 0, host: "127.0.0.1", watch: null },
    cacheDir: "node_modules/.vite-browser-data",
  });
  await vite.listen();
  browser = await launchChrome();
  const local = (vite.resolvedUrls?.local[0] ?? "").replace("127.0.0.1", "localhost");
  ({ page, problems } = await openPage(browser, `${local}test/browser/page/data.html`));
  await page.waitForFunction(() => document.body.dataset["state"] === "done", { timeout: 120_000 });
});

afterAll(async () => {
  await browser?.close();
  await vite?.close();
});

const run = (kind: Job["kind"], files: Readonly<Record<string, Uint8Array>>, maxBytes?: number): Promise<Outcome> =>
  page.evaluate((job) => (globalThis as unknown as { runJob(job: Job): Promise<Outcome> }).runJob(job), {
    kind,
    files: Object.fromEntries(
      Object.entries(files).map(([path, bytes]) => [path, Buffer.from(bytes).toString("base64")]),
    ),
    ...(maxBytes !== undefined && { maxBytes }),
  });

/** Left pixel of one shade, right pixel of another; transparent to the given degree. */
function picture([left, right]: readonly [string, string]): Uint8Array {
  const canvas = createCanvas(2, 1);
  const context = canvas.getContext("2d");
  for (const [x, style] of [left, right].entries()) {
    context.fillStyle = style;
    context.fillRect(x, 0, 1, 1);
  }
  return new Uint8Array(canvas.toBuffer("image/png"));
}

describe("data in Chrome", () => {
  it("unpacks arrays that were deflated", async () => {
    const archive = await writeNpz(
      [
        ["x", { dtype: "f16", dims: [2, 2], data: Float32Array.of(1, -2, 0.5, 65504) }],
        ["y", { dtype: "i64", dims: [2], data: BigInt64Array.of(3n, -4n) }],
      ],
      { compress: true },
    );
    expect(await run("npz", { "a.npz": archive })).toEqual({ values: [1, -2, 0.5, 65504, 3, -4], names: ["x", "y"] });
    expect(await run("npz", { "a.npz": archive.subarray(0, -30) })).toEqual({ code: "FORMAT" });
  });

  it("stops at a limit, and refuses what is cut off or followed by more", async () => {
    const packed = new Uint8Array(gzipSync(Uint8Array.of(7, 8, 9)));
    expect(await run("gzip", { "a.gz": packed })).toEqual({ values: [7, 8, 9], names: [] });
    for (const length of [0, 5, 12, packed.length - 1]) {
      expect(await run("gzip", { "a.gz": packed.subarray(0, length) })).toEqual({ code: "FORMAT" });
    }
    expect(await run("gzip", { "a.gz": Uint8Array.of(...packed, 1) })).toEqual({ code: "FORMAT" });
    const bomb = new Uint8Array(gzipSync(new Uint8Array(2 ** 25)));
    expect(await run("gzip", { "bomb.gz": bomb }, 1000)).toEqual({ code: "FORMAT" });
  });

  it("decodes a folder of pictures; the chosen folder is no class", async () => {
    const outcome = await run("images", {
      "set/b/1.png": picture(["rgb(10 20 30)", "rgb(40 50 60)"]),
      "set/a/1.png": picture(["rgb(1 2 3)", "rgb(255 0 128)"]),
      "set/notes.txt": Uint8Array.of(1),
    });
    const values = [1, 255, 2, 0, 3, 128, 10, 40, 20, 50, 30, 60, 0, 1];
    expect(outcome).toEqual({ values, names: ["a", "b"] });
    expect(await run("images", { "set/a/1.png": Uint8Array.of(1, 2, 3) })).toEqual({ code: "FORMAT" });
  });

  it("leaves no complaint in the console", () => {
    expect(problems).toEqual([]);
  });
});
