// The fallback in real Chrome: gpu.js on WebGL2, where division is inexact, and on WebAssembly.
import type { Browser } from "puppeteer";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createServer, type ViteDevServer } from "vite";
import { wgslPlugin } from "../../src/tools/wgsl-plugin.ts";
import type { PageOutcome } from "../fallback/page/main.ts";
import { launchChrome, openPage, waitUntilDone } from "./chrome.ts";

let server: ViteDevServer;
let browser: Browser;

beforeAll(async () => {
  server = await createServer({
    configFile: false,
    logLevel: "error",
    plugins: [wgslPlugin()],
    // Not watched: a page that reloads for an edited source loses its run.
    server: { port: 0, host: "127.0.0.1", watch: null },
    cacheDir: "node_modules/.vite-browser-fallback",
    optimizeDeps: { include: ["gpu.js"] },
  });
  await server.listen();
  browser = await launchChrome();
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
});

it("gives the references' bytes on WebGL2 and on WebAssembly, and a page without WebGPU gets WebGL2", async () => {
  const origin = (server.resolvedUrls?.local[0] ?? "").replace("127.0.0.1", "localhost");
  const { page, problems } = await openPage(browser, `${origin}test/fallback/page/index.html`);
  await waitUntilDone(page);
  const text = await page.evaluate(() => document.querySelector("#out")?.textContent ?? "");
  const outcome = JSON.parse(text) as PageOutcome;
  expect(problems).toEqual([]);
  expect(outcome.modes.map(({ mode }) => mode)).toEqual(["webgl2", "wasm"]);
  for (const { failures, cases, matmulError, normError } of outcome.modes) {
    expect(failures).toEqual([]);
    expect(cases).toBeGreaterThan(100);
    expect(matmulError).toBeLessThan(1e-5);
    expect(normError).toBeLessThan(1e-5);
  }
  expect(outcome.backend).toBe("gpu.js on WebGL2");
  expect(outcome.warning).toContain("no adapter");
  console.log(`gpu.js on WebGL2: ${(outcome.elementsPerSecond / 1e6).toFixed(1)} million elements a second`);
});
