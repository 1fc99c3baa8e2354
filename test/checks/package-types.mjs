// Type-checks a consumer of the installed package as strict projects do: its own compiler options, declarations of
// the package checked too, resolved as bundlers and as Node resolve. Each entry is used, not merely imported.
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const shared = `
declare const file: File;
declare const device: GPUDevice;

export async function shrink(): Promise<number> {
  using gpu: GpuContext = await openDevice({ device, memoryBudget: "256 MiB" });
  const model: Model = await openModel(fromBlob(file, file.name));
  const recipe: QuantizeRecipe = { format: "int4", rules: [{ pattern: "*head*", format: "skip" }] };
  const plan: CompressionPlan = planCompression(model, gpu.profile, recipe);
  const output = fromBytesSink();
  const { tensors } = await runCompression(plan, new WebGpuBackend(gpu, kernelSpecs), { output });
  return tensors.reduce((worst, { statistics }) => Math.min(worst, statistics.sqnrDb), Infinity);
}

export async function encode(pass: GPUComputePassEncoder, source: GPUBuffer, codes: GPUBuffer, scales: GPUBuffer) {
  const encoding = affineEncoding("int8");
  const quantizer = await createQuantizer(device, { encoding, geometry: rowBlocks(64, 64, 32), layout: "rows" });
  quantizer.encode(pass, { source, codes, scales });
  quantizer.dispose();
}

export const words = (error: unknown): string => (error instanceof WgslimError ? \`\${error.code} \${error.hint}\` : "");

// @ts-expect-error -- a format that does not exist; fails where the package's types resolve to any
export const wrong: QuantizeRecipe = { format: "int5" };
`;

const names = `affineEncoding, createQuantizer, fromBlob, kernelSpecs, openDevice, openModel, planCompression, rowBlocks,
  runCompression, WebGpuBackend, WgslimError,
  type CompressionPlan, type GpuContext, type Model, type QuantizeRecipe`;

const sources = {
  "page.ts": `import { toBlob, openWebBackend, type WebBackend, ${names} } from "wgslim/web";
const fromBytesSink = () => toBlob("out.onnx");
export const opened: Promise<WebBackend> = openWebBackend({ adapter: "auto" });${shared}`,
  "script.ts": `import { quantizeFile, toFile, type QuantizeReport, ${names}, toMemory } from "wgslim/node";
const fromBytesSink = () => toMemory("out.onnx");
export const report: Promise<QuantizeReport> = quantizeFile("a.onnx", "b.onnx", { format: "int8", force: true });
export const sink = toFile("c.onnx");${shared}`,
  "main.ts": `import { toMemory, ${names} } from "wgslim";
const fromBytesSink = () => toMemory("out.onnx");${shared}`,
};

const resolutions = {
  bundler: { module: "ESNext", moduleResolution: "bundler" },
  nodenext: { module: "nodenext", moduleResolution: "nodenext" },
};

/**
 * @param {string} work folder with the package and @webgpu/types installed
 * @param {string} compiler path of tsc
 */
export function checkTypes(work, compiler) {
  const folder = join(work, "types");
  mkdirSync(folder);
  for (const [name, text] of Object.entries(sources)) writeFileSync(join(folder, name), text);
  for (const [name, resolution] of Object.entries(resolutions)) {
    const compilerOptions = {
      ...resolution,
      target: "ES2022",
      lib: ["ES2023", "ESNext.Disposable", "DOM"],
      types: ["@webgpu/types"],
      strict: true,
      noUncheckedIndexedAccess: true,
      exactOptionalPropertyTypes: true,
      verbatimModuleSyntax: true,
      skipLibCheck: false,
      noEmit: true,
    };
    const config = join(folder, `tsconfig.${name}.json`);
    writeFileSync(config, JSON.stringify({ compilerOptions, include: ["*.ts"] }));
    const { stdout, error } = spawnSync(process.execPath, [compiler, "-p", config], { cwd: folder, encoding: "utf8" });
    if (error) throw error;
    // TypeScript 7 brings WebGPU's types along, which clash with those of @webgpu/types: not ours to judge.
    const faults = stdout
      .split("\n")
      .filter((line) => /error TS/.test(line) && !/^\S*(@typescript|@webgpu)\//.test(line));
    if (faults.length > 0) throw new Error(`A consumer does not type-check under ${name}:\n${faults.join("\n")}`);
  }
  return Object.keys(resolutions);
}
