// Fails when a module under src/ imports against the direction that ARCHITECTURE.md lays down, uses a
// Node or page global outside its place, imports a barrel, or when two modules import each other in a ring.
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, normalize, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../../src");

/** What each layer may import besides itself and base. */
const allowed = {
  base: [],
  formats: [],
  kernels: [],
  device: [],
  memory: ["device", "plan"],
  model: ["formats"],
  plan: ["kernels", "model"],
  run: ["plan", "memory", "device", "kernels"],
  graph: ["kernels", "model", "plan", "formats"],
  execute: [
    "calibrate",
    "graph",
    "methods",
    "compress",
    "plan",
    "run",
    "memory",
    "device",
    "model",
    "formats",
    "kernels",
  ],
  methods: ["calibrate", "graph", "plan", "model", "kernels", "formats"],
  calibrate: [],
  data: ["formats", "model", "evaluate"],
  evaluate: ["formats", "model", "plan", "methods", "kernels"],
  search: ["formats", "model", "plan", "methods", "evaluate", "data"],
  report: ["evaluate"],
  compress: [
    "calibrate",
    "methods",
    "plan",
    "run",
    "memory",
    "device",
    "model",
    "formats",
    "evaluate",
    "report",
    "kernels",
  ],
  doors: ["methods", "plan", "run", "device", "kernels"],
  fallback: ["kernels", "plan", "run", "device"],
  tools: [],
  entries: ["*"],
  cli: ["*"],
  bench: ["*"],
};

const files = readdirSync(root, { recursive: true, encoding: "utf8" })
  .map((f) => f.replaceAll("\\", "/"))
  .filter((f) => f.endsWith(".ts") && !f.endsWith(".d.ts"));
const layerOf = (file) => (file.includes("/") ? file.split("/")[0] : "entries");
const nodeAllowed = (file) => /^(cli|tools|bench)\//.test(file) || /^(.*\/)?node[^/]*\.ts$/.test(file);
const importPattern =
  /(?:^|\n)\s*(?:import|export)\s[^;]*?from\s+"([^"]+)"|import\("([^"]+)"\)|(?:^|\n)import\s+"([^"]+)"/g;

const problems = [];
const graph = new Map();
for (const file of files) {
  const text = readFileSync(join(root, file), "utf8");
  const layer = layerOf(file);
  if (!(layer in allowed)) problems.push(`${file}: folder "${layer}" is not in ARCHITECTURE.md`);
  const edges = [];
  for (const match of text.matchAll(importPattern)) {
    const target = match[1] ?? match[2] ?? match[3];
    if (target.startsWith("node:") && !nodeAllowed(file))
      problems.push(`${file}: imports ${target} outside the Node files`);
    if (!target.startsWith(".") || target.includes(".wgsl") || target.endsWith(".json")) continue;
    const to = normalize(join(dirname(file), target)).replaceAll("\\", "/");
    if (!files.includes(to)) continue;
    const toLayer = layerOf(to);
    const may = allowed[layer] ?? [];
    if (toLayer !== layer && toLayer !== "base" && !may.includes(toLayer) && !may.includes("*")) {
      problems.push(`${file}: ${layer} may not import ${toLayer} (${to})`);
    }
    if (toLayer === "entries" && layer !== "entries" && layer !== "cli" && layer !== "bench")
      problems.push(`${file}: imports the entry ${to}`);
    edges.push(to);
  }
  graph.set(file, edges);
  const code = text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, "").replaceAll(/(["'`])(?:\\.|(?!\1)[^\\])*\1/gs, '""');
  for (const global of ["window", "document"]) {
    const ours = new RegExp(
      `\\b(?:const|let|readonly) ${global}\\b|\\b${global}\\??:|#${global}\\b|[(,] ?${global}[,)]`,
    ).test(code);
    if (!ours && new RegExp(`(?<![.\\w])${global}\\.`).test(code)) problems.push(`${file}: uses ${global}`);
  }
}

const state = new Map();
function visit(file, trail) {
  if (state.get(file) === "done") return;
  if (state.get(file) === "open") {
    problems.push(`ring of imports: ${[...trail.slice(trail.indexOf(file)), file].join(" -> ")}`);
    return;
  }
  state.set(file, "open");
  for (const next of graph.get(file) ?? []) visit(next, [...trail, file]);
  state.set(file, "done");
}
for (const file of files) visit(file, []);

if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exit(1);
}
console.log(`${files.length} modules, imports in order`);
