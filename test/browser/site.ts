// The example pages as they are published, built into a folder of their own, served, and opened in Chrome.
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Browser, Page } from "puppeteer";
import { build, preview } from "vite";
import { canvasFlags, launchChrome, openPage } from "./chrome.ts";

export interface Opened {
  readonly page: Page;
  readonly problems: string[];
}

export interface Look {
  readonly width?: number;
  readonly scheme?: "light" | "dark";
}

export interface Site {
  readonly browser: Browser;
  /** For files of the tests, too. */
  readonly folder: string;
  open(path: string, look?: Look): Promise<Opened>;
  close(): Promise<void>;
}

export async function openSite(): Promise<Site> {
  const folder = await mkdtemp(join(tmpdir(), "wgslim-examples-"));
  const common = { configFile: "examples/vite.config.ts", logLevel: "error" } as const;
  await build({ ...common, build: { outDir: folder, emptyOutDir: true } });
  const server = await preview({ ...common, build: { outDir: folder }, preview: { port: 0, host: "127.0.0.1" } });
  const origin = (server.resolvedUrls?.local[0] ?? "").replace("127.0.0.1", "localhost");
  const browser = await launchChrome(canvasFlags);
  return {
    browser,
    folder,
    async open(path, { width = 1280, scheme = "light" } = {}) {
      const opened = await openPage(browser, `${origin}${path}`);
      await opened.page.setViewport({ width, height: width < 500 ? 844 : 900 });
      await opened.page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
      return opened;
    },
    async close() {
      await browser.close();
      await server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Keeps a picture of the page in test-output. */
export async function picture(page: Page, name: string): Promise<void> {
  mkdirSync(resolve("test-output"), { recursive: true });
  writeFileSync(resolve("test-output", `${name}.png`), await page.screenshot({ fullPage: true }));
}

export const textOf = (page: Page, selector: string): Promise<string> =>
  page.$eval(selector, (element) => element.textContent ?? "");

/** Runs in the page. */
const reached = (wanted: readonly string[]): boolean => wanted.includes(document.body.dataset["state"] ?? "");

export async function waitForState(page: Page, ...states: readonly string[]): Promise<void> {
  await page.waitForFunction(reached, { timeout: 300_000, polling: 50 }, states);
}

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** The files behind the page's download links. */
export async function downloadsOf(page: Page): Promise<readonly { readonly name: string; readonly digest: string }[]> {
  const files = await page.$$eval("#downloads a", (links) =>
    Promise.all(
      links.map(async (link) => {
        if (!(link instanceof HTMLAnchorElement)) throw new Error("no link");
        const bytes = new Uint8Array(await (await fetch(link.href)).arrayBuffer());
        let binary = "";
        for (const byte of bytes) binary += String.fromCharCode(byte);
        return [link.download, btoa(binary)] as const;
      }),
    ),
  );
  return files.map(([name, base64]) => ({ name, digest: sha256(Buffer.from(base64, "base64")) }));
}
