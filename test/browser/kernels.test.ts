// Every kernel case in real Chrome, on the page and, as a smoke set, in a worker.
import type { Browser } from "puppeteer";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createServer, type ViteDevServer } from "vite";
import { graphKernelSpecs } from "../../src/kernels/graph-registry.ts";
import { kernelSpecs } from "../../src/kernels/registry.ts";
import { wgslPlugin } from "../../src/tools/wgsl-plugin.ts";
import { launchChrome, openPage, waitUntilDone } from "./chrome.ts";
import type { RoomResult } from "./page/rooms.ts";

let server: ViteDevServer;
let browser: Browser;
let origin: string;

beforeAll(async () => {
  server = await createServer({
    configFile: false,
    logLevel: "error",
    plugins: [wgslPlugin()],
    // Not watched: a page that reloads for an edited source loses its run.
    server: { port: 0, host: "127.0.0.1", watch: null },
    cacheDir: "node_modules/.vite-browser",
  });
  await server.listen();
  origin = (server.resolvedUrls?.local[0] ?? "").replace("127.0.0.1", "localhost");
  browser = await launchChrome();
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
});

async function run(query: string): Promise<{ adapter: string; results: RoomResult[] }> {
  const { page, problems } = await openPage(browser, `${origin}test/browser/page/index.html?${query}`);
  await waitUntilDone(page);
  const outcome = JSON.parse(await page.evaluate(() => document.querySelector("#out")?.textContent ?? ""));
  expect(problems).toEqual([]);
  await page.close();
  return outcome;
}

describe("kernels in Chrome", () => {
  it("gives the reference's results on the page, room by room", async () => {
    const { adapter, results } = await run("");
    console.log(
      `Chrome adapter: ${adapter}; ${results.reduce((sum, r) => sum + r.cases, 0)} cases in ${results.length} rooms`,
    );
    expect(results.flatMap(({ failures }) => failures)).toEqual([]);
    expect(results.map(({ id }) => id).toSorted()).toEqual(
      Object.keys({ ...kernelSpecs, ...graphKernelSpecs }).toSorted(),
    );
  });

  it("gives them in a worker too", async () => {
    const { results } = await run("worker&most=2");
    expect(results.flatMap(({ failures }) => failures)).toEqual([]);
    expect(results.length).toBeGreaterThan(0);
  });
});
