// Checks the package as a stranger gets it: publint, then the packed tarball installed into an empty folder,
// its command line and its API in Node, and its browser entry bundled by Vite: no Dawn in it, and what a page
// loads before it opens a file (the core with all shaders) within budget.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "vite";

const root = resolve(import.meta.dirname, "../..");
const work = mkdtempSync(join(tmpdir(), "wgslim-package-"));
const browserBudget = 90_000;
const run = (command, args, cwd) =>
  execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
const fail = (message) => {
  throw new Error(message);
};

try {
  run("npx", ["publint", "--strict"], root);
  const [{ filename }] = JSON.parse(run("npm", ["pack", "--json", "--pack-destination", work], root));
  writeFileSync(join(work, "package.json"), JSON.stringify({ name: "stranger", private: true, type: "module" }));
  run(
    "npm",
    ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline", join(work, filename)],
    work,
  );

  const help = run("npx", ["wgslim", "--help"], work);
  if (!help.includes("quantize")) fail("the installed command line prints no help");
  const fixture = join(root, "test/fixtures/models/fashion-cnn/model.onnx");
  const report = JSON.parse(
    run(
      "npx",
      ["wgslim", "quantize", fixture, "-o", "small.onnx", "--format", "int8", "--adapter", "cpu", "--json"],
      work,
    ),
  );
  if (!(report.output.bytes < report.input.bytes)) fail("the installed command line did not shrink the model");

  writeFileSync(
    join(work, "api.mjs"),
    `import { openModel, planCompression, portableProfile } from "wgslim";
import { fromFile } from "wgslim/node";
const model = await openModel(await fromFile(${JSON.stringify(fixture)}));
const plan = planCompression(model, portableProfile, { format: "int8" });
if (!(plan.output.bytes < plan.input.bytes)) throw new Error("the plan does not shrink the model");
console.log("ok");`,
  );
  if (!run(process.execPath, ["api.mjs"], work).includes("ok")) fail("the installed API does not work in Node");

  writeFileSync(join(work, "index.html"), '<script type="module" src="./page.js"></script>');
  writeFileSync(join(work, "page.js"), 'import * as wgslim from "wgslim"; globalThis.all = wgslim;');
  writeFileSync(join(work, "web.js"), 'import * as web from "wgslim/web"; globalThis.web = web;');
  const input = { page: join(work, "index.html"), web: join(work, "web.js") };
  const external = ["gpu.js"];
  await build({
    root: work,
    configFile: false,
    logLevel: "error",
    build: { outDir: "out", minify: true, manifest: true, rolldownOptions: { input, external } },
  });
  const manifest = JSON.parse(readFileSync(join(work, "out/.vite/manifest.json"), "utf8"));
  const read = (file) => readFileSync(join(work, "out", file));
  const text = Object.values(manifest)
    .map(({ file }) => read(file).toString("utf8"))
    .join("\n");
  if (/dawn\.node|from\s*["']webgpu["']|import\(["']webgpu["']\)|node:fs/.test(text)) {
    fail("the browser bundle holds parts meant for Node");
  }
  const core = new Set();
  const visit = (key) => {
    if (core.has(key)) return;
    core.add(key);
    for (const next of manifest[key].imports ?? []) visit(next);
  };
  visit("index.html");
  const sizeOf = (keys) => keys.reduce((sum, key) => sum + gzipSync(read(manifest[key].file), { level: 9 }).length, 0);
  const size = sizeOf([...core]);
  if (size > browserBudget) fail(`the core browser entry is ${size} bytes gzipped, more than ${browserBudget}`);
  console.log(
    `package ok; core browser entry with all shaders ${size} bytes min+gzip, with all that loads later ${sizeOf(Object.keys(manifest))}`,
  );
} finally {
  rmSync(work, { recursive: true, force: true });
}
