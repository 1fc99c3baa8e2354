// Checks the package as a stranger gets it: publint, then the packed tarball installed into an empty folder,
// its command line and its API in Node, and its browser entry bundled by Vite: no Dawn in it, and within budget.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
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
  writeFileSync(
    join(work, "page.js"),
    'import * as wgslim from "wgslim"; import * as web from "wgslim/web"; globalThis.all = [wgslim, web];',
  );
  await build({ root: work, configFile: false, logLevel: "error", build: { outDir: "out", minify: true } });
  const assets = readdirSync(join(work, "out/assets")).map((name) => readFileSync(join(work, "out/assets", name)));
  const text = Buffer.concat(assets).toString("utf8");
  if (/dawn\.node|from\s*["']webgpu["']|import\(["']webgpu["']\)|node:fs/.test(text))
    fail("the browser bundle holds parts meant for Node");
  const size = assets.reduce((sum, asset) => sum + gzipSync(asset, { level: 9 }).length, 0);
  if (size > browserBudget) fail(`the browser bundle is ${size} bytes gzipped, more than ${browserBudget}`);
  console.log(`package ok; browser bundle with all shaders ${size} bytes min+gzip`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
