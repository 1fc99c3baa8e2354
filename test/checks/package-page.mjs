// Runs the installed package in Chrome, as a stranger's Vite bundles it: one small model through a page, on WebGPU,
// to the bytes that the same package writes in Node without a GPU.
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { launch } from "puppeteer";

const candidates = ["/usr/bin/chromium", "/usr/bin/google-chrome", "/usr/bin/google-chrome-stable"];

/** The browser that the other browser tests take, if there is one. */
export const chromePath = process.env["CHROME_PATH"] ?? candidates.find((path) => existsSync(path));

/** A stranger's page; `shrink.js` is shared with Node. */
export const pageSource = `import { openWebBackend, toBlob } from "wgslim/web";
import { shrink } from "./shrink.js";
globalThis.shrinkInPage = async (url) => {
  const { backend, warning } = await openWebBackend({ adapter: "webgpu" });
  if (warning) throw new Error(warning);
  const output = toBlob("small.onnx");
  await shrink(new Uint8Array(await (await fetch(url)).arrayBuffer()), backend, output);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await output.blob().arrayBuffer()));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
};`;

/** What page and script both do with the public API. */
export const shrinkSource = `import { fromBytes, openModel, planCompression, runCompression } from "wgslim";
export async function shrink(bytes, backend, output) {
  const model = await openModel(fromBytes("model.onnx", bytes));
  return runCompression(planCompression(model, backend.profile, { format: "int4" }), backend, { output });
}`;

/** The same in Node, on plain code; prints the digest. */
export const scriptSource = (model) => `import { readFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { openNodeBackend, toMemory } from "wgslim/node";
import { shrink } from "./shrink.js";
const { backend } = await openNodeBackend({ adapter: "cpu" });
const output = toMemory("small.onnx");
await shrink(readFileSync(${JSON.stringify(model)}), backend, output);
console.log(createHash("sha256").update(output.bytes()).digest("hex"));`;

const types = { ".html": "text/html", ".js": "text/javascript", ".onnx": "application/octet-stream" };

/**
 * @param {string} folder the bundle, with index.html and model.onnx
 * @returns {Promise<string>} SHA-256 of the file that the page wrote
 */
export async function runInChrome(folder) {
  const asked = [];
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    asked.push(path);
    const file = join(folder, path === "/" ? "index.html" : path);
    if (!existsSync(file)) return void response.writeHead(404).end();
    response.setHeader("content-type", types[extname(file)] ?? "text/plain");
    response.end(readFileSync(file));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const browser = await launch({
    executablePath: chromePath,
    headless: true,
    args: ["--enable-unsafe-webgpu", "--no-sandbox", "--use-webgpu-adapter=swiftshader", "--disable-sync"],
  });
  try {
    const page = await browser.newPage();
    const problems = [];
    page.on("pageerror", (error) => problems.push(String(error)));
    page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
    await page.goto(`http://localhost:${server.address().port}/`);
    await page.waitForFunction(() => "shrinkInPage" in globalThis);
    const digest = await page.evaluate(() => globalThis.shrinkInPage("/model.onnx"));
    if (problems.some((problem) => !/favicon/.test(problem)))
      throw new Error(`The page complains: ${problems.join("; ")}`);
    const stray = asked.filter((path) => /\.node$|dawn/.test(path));
    if (stray.length > 0) throw new Error(`The page asked for ${stray.join(", ")}`);
    return digest;
  } finally {
    await browser.close();
    server.closeAllConnections();
    server.close();
  }
}
