// Checks the package as a stranger gets it: publint, then the packed tarball installed into an empty folder, its
// command line and its API in Node, its types under both module resolutions, and its browser entry bundled by Vite: no
// Dawn in it, what a page loads before it opens a file (the core with all shaders) within budget, and a model
// quantized by it in Chrome with the bytes of Node. Without a Chrome that last part is skipped, and said so.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import { chromePath, pageSource, runInChrome, scriptSource, shrinkSource } from "./package-page.mjs";
import { checkTypes } from "./package-types.mjs";

const root = resolve(import.meta.dirname, "../..");
const fixture = join(root, "test/fixtures/models/fashion-cnn/model.onnx");
const work = mkdtempSync(join(tmpdir(), "wgslim-package-"));
const browserBudget = 90_000;
const run = (command, args, cwd) =>
  execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
const fail = (message) => {
  throw new Error(message);
};
const write = (name, text) => writeFileSync(join(work, name), text);

function install() {
  run("npx", ["publint", "--strict"], root);
  const [{ filename }] = JSON.parse(run("npm", ["pack", "--json", "--pack-destination", work], root));
  write("package.json", JSON.stringify({ name: "stranger", private: true, type: "module" }));
  const quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"];
  // Types of WebGPU are the consumer's own; here a link to the ones that the repository has.
  run("npm", ["install", ...quiet, join(work, filename), join(root, "node_modules/@webgpu/types")], work);
}

function checkCommandLine() {
  if (!run("npx", ["wgslim", "--help"], work).includes("quantize")) fail("the installed command line prints no help");
  const args = ["quantize", fixture, "-o", "small.onnx", "--format", "int8", "--adapter", "cpu", "--json"];
  const report = JSON.parse(run("npx", ["wgslim", ...args], work));
  if (!(report.output.bytes < report.input.bytes)) fail("the installed command line did not shrink the model");
}

/** Digest of the file that the installed API writes in Node. */
function digestInNode() {
  write("shrink.js", shrinkSource);
  write("script.js", scriptSource(fixture));
  return run(process.execPath, ["script.js"], work).trim();
}

/** Packages in a folder above the stranger's are none of his: what resolves there counts as absent. */
const onlyInstalled = {
  name: "only-installed",
  enforce: "pre",
  async resolveId(source, importer, options) {
    if (!/^[@\w]/.test(source) || source.startsWith("wgslim")) return null;
    const found = await this.resolve(source, importer, { ...options, skipSelf: true });
    const isAbove = /^\/.*\/node_modules\//.test(found?.id ?? "") && !found.id.startsWith(realpathSync(work));
    return isAbove ? `\0absent:${source}` : found;
  },
  load: (id) => (id.startsWith("\0absent:") ? `throw new Error("${id.slice(8)} is not installed");` : null),
};

/** Bundles the page and, apart, all of the browser entry; returns sizes min+gzip. */
async function bundle() {
  write("index.html", '<link rel="icon" href="data:,"><script type="module" src="./page.js"></script>');
  write("page.js", pageSource);
  write("core.js", 'import * as wgslim from "wgslim"; globalThis.all = wgslim;');
  write("web.js", 'import * as web from "wgslim/web"; globalThis.web = web;');
  const input = { page: join(work, "index.html"), core: join(work, "core.js"), web: join(work, "web.js") };
  const modules = new Set();
  await build({
    root: work,
    configFile: false,
    logLevel: "error",
    plugins: [{ name: "list-modules", moduleParsed: ({ id }) => void modules.add(id) }, onlyInstalled],
    build: { outDir: "out", minify: true, manifest: true, rolldownOptions: { input } },
  });
  const manifest = JSON.parse(readFileSync(join(work, "out/.vite/manifest.json"), "utf8"));
  const read = (file) => readFileSync(join(work, "out", file));
  const text = Object.values(manifest)
    .map(({ file }) => read(file).toString("utf8"))
    .join("\n");
  const strangers = [...modules].filter((id) => /node_modules\/(?!wgslim\/)|browser-external/.test(id));
  if (strangers.length > 0) fail(`the browser bundle draws in ${strangers.join(", ")}`);
  if (modules.size < 4) fail("the list of bundled modules is not one");
  if (/dawn\.node|from\s*["']webgpu["']|import\(["']webgpu["']\)|["']node:[a-z]/.test(text)) {
    fail("the browser bundle holds parts meant for Node");
  }
  const core = new Set();
  const visit = (key) => {
    if (core.has(key)) return;
    core.add(key);
    for (const next of manifest[key].imports ?? []) visit(next);
  };
  visit("core.js");
  const sizeOf = (keys) => keys.reduce((sum, key) => sum + gzipSync(read(manifest[key].file), { level: 9 }).length, 0);
  const size = sizeOf([...core]);
  if (size > browserBudget) fail(`the core browser entry is ${size} bytes gzipped, more than ${browserBudget}`);
  return { core: size, all: sizeOf(Object.keys(manifest)) };
}

async function checkInChrome(expected) {
  if (!chromePath) return "skipped in Chrome: none found, install Debian's chromium or set CHROME_PATH";
  copyFileSync(fixture, join(work, "out/model.onnx"));
  const digest = await runInChrome(join(work, "out"));
  if (digest !== expected) fail(`the page wrote ${digest}, Node ${expected}`);
  return "Node's bytes in Chrome";
}

try {
  install();
  checkCommandLine();
  const resolutions = checkTypes(work, join(root, "node_modules/typescript/bin/tsc"));
  const digest = digestInNode();
  const sizes = await bundle();
  const chrome = await checkInChrome(digest);
  console.log(
    `package ok; types under ${resolutions.join(" and ")}; ${chrome}; ` +
      `core browser entry with all shaders ${sizes.core} bytes min+gzip, with all that loads later ${sizes.all}`,
  );
} finally {
  rmSync(work, { recursive: true, force: true });
}
