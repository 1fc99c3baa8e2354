// Starts Chrome for tests: the one named by CHROME_PATH, or the system's.
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { launch, type Browser, type Page } from "puppeteer";

const candidates = ["/usr/bin/chromium", "/usr/bin/google-chrome", "/usr/bin/google-chrome-stable"];

export const chromePath = process.env["CHROME_PATH"] ?? candidates.find((path) => existsSync(path));

/**
 * What a page with a WebGPU canvas needs where the adapter is SwiftShader: without a Vulkan compositor the canvas has
 * no shared image, and Chrome answers the first frame by losing the device.
 */
export const canvasFlags: readonly string[] = [
  "--enable-features=Vulkan",
  "--use-vulkan=swiftshader",
  "--use-angle=swiftshader",
  "--enable-gpu",
  "--ignore-gpu-blocklist",
];

export async function launchChrome(flags: readonly string[] = []): Promise<Browser> {
  if (!chromePath) throw new Error("No Chrome found: install Debian's chromium, or set CHROME_PATH.");
  return launch({
    executablePath: chromePath,
    headless: true,
    userDataDir: mkdtempSync(join(tmpdir(), "wgslim-chrome-")),
    args: [
      "--enable-unsafe-webgpu",
      "--no-sandbox",
      "--use-webgpu-adapter=swiftshader",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      ...flags,
    ],
    protocolTimeout: 900_000,
  });
}

/** Opens a page and collects what it complains about. */
export async function openPage(browser: Browser, url: string): Promise<{ page: Page; problems: string[] }> {
  const page = await browser.newPage();
  const problems: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(message.text());
  });
  page.on("pageerror", (error) => problems.push(String(error)));
  await page.goto(url, { waitUntil: "domcontentloaded" });
  return { page, problems };
}

/** Waits until the page says that it is done; a page that failed says why in its problems or its text. */
export async function waitUntilDone(page: Page, timeout = 600_000): Promise<void> {
  await page.waitForFunction(() => ["done", "failed"].includes(document.body.dataset["state"] ?? ""), {
    timeout,
    polling: 200,
  });
  const state = await page.evaluate(() => document.body.dataset["state"]);
  if (state !== "done")
    throw new Error(`The page failed: ${await page.evaluate(() => document.body.innerText.slice(0, 2000))}`);
}
