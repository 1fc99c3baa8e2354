// onnxruntime as an oracle: the same model and inputs on its CPU provider, its WebGPU provider (on the
// adapter that WGSLIM_ADAPTER names) and onnxruntime-web's WebAssembly, all in this process.
import { readFile } from "node:fs/promises";
import { openOrtModel, type OrtModel } from "../../src/cli/ort.ts";
import { findLlvmpipe, loadVulkanLoader, setUpDriver, type DriverName } from "../../src/device/node-drivers.ts";
import type { InputTensor, OutputTensor } from "../../src/evaluate/tensors.ts";

export type OrtRuntime = "cpu" | "webgpu" | "wasm";

export const ortRuntimes: readonly OrtRuntime[] = ["cpu", "webgpu", "wasm"];

/** Opens a model in one of the runtimes. The WebAssembly one takes no external data files. */
export async function openOracle(model: string | Uint8Array, runtime: OrtRuntime = "cpu"): Promise<OrtModel> {
  if (runtime === "cpu") return openOrtModel(model);
  if (runtime === "webgpu") {
    await chooseDriver();
    return openOrtModel(model, { providers: ["webgpu"] });
  }
  const web = await import("onnxruntime-web");
  web.env.wasm.numThreads = 1;
  web.env.logLevel = "error";
  const bytes = typeof model === "string" ? new Uint8Array(await readFile(model)) : model;
  return openOrtModel(bytes, { providers: ["wasm"], ort: web });
}

/** Opens, runs once, closes. */
export async function runOracle(
  model: string | Uint8Array,
  inputs: readonly InputTensor[],
  runtime: OrtRuntime = "cpu",
): Promise<readonly OutputTensor[]> {
  const opened = await openOracle(model, runtime);
  try {
    return await opened.run(inputs);
  } finally {
    await opened.dispose();
  }
}

let chosen: Promise<void> | undefined;

/** onnxruntime brings its own Dawn, which reads the driver from the environment when it first starts. */
function chooseDriver(): Promise<void> {
  return (chosen ??= (async () => {
    const asked = process.env["WGSLIM_ADAPTER"];
    const driver: DriverName = asked === "llvmpipe" || (!asked && findLlvmpipe()) ? "llvmpipe" : "swiftshader";
    const setup = await setUpDriver(driver);
    if (!setup.ready) throw new Error(`${driver}: ${setup.missing} ${setup.remedy}`);
    if (setup.manifest) process.env["VK_ICD_FILENAMES"] = setup.manifest;
    if (setup.loader) loadVulkanLoader(setup.loader);
  })());
}
