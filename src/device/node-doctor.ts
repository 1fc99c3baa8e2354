// Probes every driver that Node could use, each in a child process of its own, because a broken Vulkan
// driver may take its process down. Node only.
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { pathToFileURL } from "node:url";
import type { DoctorCandidate, DoctorReport } from "./doctor.ts";
import { foundCandidate } from "./doctor.ts";
import { driverOrder } from "./node.ts";
import { setUpDriver, userDriver } from "./node-drivers.ts";
import type { DriverName, DriverSetup } from "./node-drivers.ts";
import { adapterName, classifyAdapter, readProfile } from "./profile.ts";
import type { AdapterWords } from "./profile.ts";

/** What a probe writes as one line of JSON; null where the driver gives no adapter. */
type ProbeResult = { words: AdapterWords; features: string[]; limits: Record<string, number> } | null;

const probeTimeoutMs = 60_000;
const resultMark = "wgslim-probe:";
const remedies: Readonly<Record<DriverName, string>> = {
  user: "Check the files that VK_DRIVER_FILES or VK_ICD_FILENAMES name, or unset them.",
  hardware: "Install the driver of your GPU's vendor with Vulkan support (Linux), Metal or D3D12.",
  llvmpipe: "Update Mesa to 23 or newer; older ones lack what WebGPU needs.",
  swiftshader: "Reinstall @sparticuz/chromium, and look whether the cache folder can be written.",
};

// Run by `node -e` with the URL of npm webgpu as its argument. It also makes a device and a buffer, as
// some drivers offer an adapter that then can't be opened.
const probeScript = `
const { create } = await import(process.argv[1]);
const gpu = create([]);
const adapter = await gpu.requestAdapter();
let result = null;
if (adapter) {
  const { vendor, architecture, device, description, isFallbackAdapter, subgroupMinSize, subgroupMaxSize } = adapter.info;
  const limits = {};
  for (const name in adapter.limits) limits[name] = adapter.limits[name];
  result = {
    words: { vendor, architecture, device, description, isFallbackAdapter, subgroupMinSize, subgroupMaxSize },
    features: [...adapter.features],
    limits,
  };
  const opened = await adapter.requestDevice();
  const buffer = opened.createBuffer({ size: 16, usage: 9 });
  await buffer.mapAsync(1);
  opened.destroy();
}
console.log(${JSON.stringify(resultMark)} + JSON.stringify(result));
`;

/** Tries all drivers. Never throws for a driver's sake: what is wrong with it stands in the report. */
export async function doctorReport(): Promise<DoctorReport> {
  const names: DriverName[] = [...(userDriver() ? (["user"] as const) : []), "hardware", "llvmpipe", "swiftshader"];
  const candidates: DoctorCandidate[] = [];
  for (const name of names) candidates.push(await probe(name));
  const order = driverOrder();
  const driver = order.find((name) => candidates.some((candidate) => candidate.driver === name && candidate.found));
  const pinned = process.env["WGSLIM_ADAPTER"];
  const why = pinned
    ? "WGSLIM_ADAPTER asks for it."
    : driver === "user"
      ? "The environment names its driver."
      : driver === order[0]
        ? "Hardware comes first."
        : "It is the first that was found.";
  return { environment: describeEnvironment(), candidates, ...(driver ? { chosen: { driver, why } } : {}) };
}

async function probe(driver: DriverName): Promise<DoctorCandidate> {
  const missing = (why: string, remedy: string): DoctorCandidate => ({ driver, found: false, why, remedy });
  const webgpu = resolvePackage("webgpu");
  if (!webgpu) return missing("npm package webgpu is not installed.", "npm i webgpu");
  let setup: DriverSetup;
  try {
    setup = await setUpDriver(driver);
  } catch (error) {
    return missing(error instanceof Error ? error.message : String(error), remedies[driver]);
  }
  if (!setup.ready) return missing(setup.missing, setup.remedy);
  const result = await runProbe(pathToFileURL(webgpu).href, probeEnvironment(driver, setup));
  if (typeof result === "string") return missing(result, remedies[driver]);
  if (!result) return missing("The driver gave no adapter.", remedies[driver]);
  // A plain object stands in for GPUSupportedLimits: the names are the same.
  const source = { features: result.features, limits: result.limits as unknown as GPUSupportedLimits };
  const adapterClass = classifyAdapter(result.words);
  if (driver === "hardware" && adapterClass !== "hardware") {
    return missing(`Only software was found: ${adapterName(result.words)}.`, remedies[driver]);
  }
  return foundCandidate(driver, readProfile(source, result.words));
}

function probeEnvironment(driver: DriverName, setup: DriverSetup & { ready: true }): NodeJS.ProcessEnv {
  const environment = { ...process.env };
  if (driver === "user") return environment;
  delete environment["VK_DRIVER_FILES"];
  delete environment["VK_ICD_FILENAMES"];
  if (setup.manifest) environment["VK_ICD_FILENAMES"] = setup.manifest;
  if (setup.loader) {
    environment["LD_LIBRARY_PATH"] = [dirname(setup.loader), process.env["LD_LIBRARY_PATH"]].filter(Boolean).join(":");
  }
  return environment;
}

/** @returns the probe's result, or why it gave none */
function runProbe(webgpuUrl: string, environment: NodeJS.ProcessEnv): Promise<ProbeResult | string> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ["--input-type=module", "-e", probeScript, webgpuUrl], {
      env: environment,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: probeTimeoutMs,
    });
    let output = "";
    let errors = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
    child.on("error", (error) => resolve(`The probe could not be started: ${error.message}`));
    child.on("close", (code, signal) => {
      const line = output.split("\n").find((text) => text.startsWith(resultMark));
      if (line) resolve(JSON.parse(line.slice(resultMark.length)) as ProbeResult);
      else if (signal) resolve(`The driver brought its process down (${signal}).`);
      else resolve(`The probe ended with ${code}: ${lastError(errors)}`);
    });
  });
}

function lastError(errors: string): string {
  const lines = errors.split("\n").filter((line) => line.trim() !== "");
  return lines.find((line) => /error/i.test(line)) ?? lines.at(-1) ?? "it said nothing";
}

function describeEnvironment(): Record<string, string> {
  const environment: Record<string, string> = {
    node: process.version,
    system: `${process.platform}-${process.arch}`,
    webgpu: versionOf("webgpu") ?? "not installed",
  };
  for (const name of ["WGSLIM_ADAPTER", "VK_DRIVER_FILES", "VK_ICD_FILENAMES"]) {
    const value = process.env[name];
    if (value) environment[name] = value;
  }
  return environment;
}

function resolvePackage(path: string): string | undefined {
  try {
    return createRequire(import.meta.url).resolve(path);
  } catch {
    return undefined;
  }
}

function versionOf(name: string): string | undefined {
  const path = resolvePackage(`${name}/package.json`);
  return path && (createRequire(import.meta.url)(path) as { version: string }).version;
}
