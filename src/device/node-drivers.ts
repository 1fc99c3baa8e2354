// The Vulkan drivers that Node can be pointed at. Dawn asks the Vulkan loader, and the loader reads
// VK_ICD_FILENAMES from the environment whenever a GPU object makes its first adapter, so a driver is
// chosen by setting that variable for as long as one adapter takes to open. Node only.
import { existsSync, readdirSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { isMainThread } from "node:worker_threads";
import { embeddedPackage, findEmbeddedPackage, unpackEmbeddedDriver } from "./node-embedded.ts";

/** Names of the drivers in order of preference; "user" is the caller's own VK_ICD_FILENAMES. */
export type DriverName = "user" | "hardware" | "llvmpipe" | "swiftshader";

/** What has to be done before Dawn starts on a driver, or why it can't be had. */
export type DriverSetup =
  | { readonly ready: true; readonly manifest?: string; readonly loader?: string }
  | { readonly ready: false; readonly missing: string; readonly remedy: string };

const manifestFolders = [
  "/etc/vulkan/icd.d",
  "/usr/local/etc/vulkan/icd.d",
  "/usr/local/share/vulkan/icd.d",
  "/usr/share/vulkan/icd.d",
];
const loaderFolders = [
  "/usr/lib/x86_64-linux-gnu",
  "/usr/lib/aarch64-linux-gnu",
  "/usr/lib64",
  "/usr/lib",
  "/lib64",
  "/lib",
];

/** The user's own choice of drivers, by the loader's variables. */
export function userDriver(): string | undefined {
  return process.env["VK_DRIVER_FILES"] || process.env["VK_ICD_FILENAMES"] || undefined;
}

/** Whether the machine has a Vulkan loader of its own where linkers look. */
export function hasVulkanLoader(): boolean {
  const extra = (process.env["LD_LIBRARY_PATH"] ?? "").split(":").filter(Boolean);
  return [...extra, ...loaderFolders].some((folder) => existsSync(join(folder, "libvulkan.so.1")));
}

/** The manifest of Mesa's software driver, where it is installed. */
export function findLlvmpipe(): string | undefined {
  for (const folder of manifestFolders) {
    const name = existsSync(folder) && readdirSync(folder).find((file) => /^lvp_icd.*\.json$/.test(file));
    if (name) return join(folder, name);
  }
  return undefined;
}

/** Whether Linux shows a GPU to programs: a render node, NVIDIA's control node, or that of WSL. */
function hasGpuNode(): boolean {
  const renderNode = existsSync("/dev/dri") && readdirSync("/dev/dri").some((name) => name.startsWith("renderD"));
  return renderNode || existsSync("/dev/nvidiactl") || existsSync("/dev/dxg");
}

/** Says what a driver needs to be tried. @throws IoError, FormatError where the embedded driver can't be unpacked */
export async function setUpDriver(driver: DriverName): Promise<DriverSetup> {
  if (driver === "hardware" && process.platform === "linux" && !hasGpuNode()) {
    // Asking Dawn all the same would only make it print warnings about every driver it finds.
    return {
      ready: false,
      missing: "Linux shows no GPU (no /dev/dri/renderD*, /dev/nvidiactl or /dev/dxg).",
      remedy:
        "Install the GPU's kernel driver; give a container access to it (docker run --device /dev/dri or --gpus all).",
    };
  }
  if (driver === "user" || driver === "hardware") return { ready: true };
  if (process.platform !== "linux") {
    return {
      ready: false,
      missing: `${driver} is only used on Linux.`,
      remedy: "Nothing: this system has its own drivers.",
    };
  }
  if (driver === "llvmpipe") {
    const manifest = findLlvmpipe();
    if (manifest && hasVulkanLoader()) return { ready: true, manifest };
    return {
      ready: false,
      missing: manifest ? "There is no Vulkan loader (libvulkan.so.1)." : "Mesa's llvmpipe driver is not installed.",
      remedy: "Install Mesa 23 or newer: apt install mesa-vulkan-drivers libvulkan1.",
    };
  }
  const folder = findEmbeddedPackage();
  if (!folder) {
    return {
      ready: false,
      missing: `npm package ${embeddedPackage} is not installed.`,
      remedy: `npm i ${embeddedPackage}`,
    };
  }
  if (process.arch !== "x64") {
    return {
      ready: false,
      missing: `${embeddedPackage} carries a driver for x64 only.`,
      remedy: "Install a system driver.",
    };
  }
  if (!isMainThread && process.env["VK_ICD_FILENAMES"] === undefined) {
    // process.env is a copy in a worker: what is set there never reaches the Vulkan loader.
    return {
      ready: false,
      missing: "A worker can't choose the embedded driver.",
      remedy:
        "Open a device in the main thread first, or start Node with VK_ICD_FILENAMES as `wgslim doctor` prints it.",
    };
  }
  const { manifest, loader } = await unpackEmbeddedDriver(folder);
  return { ready: true, manifest, ...(hasVulkanLoader() ? {} : { loader }) };
}

/**
 * Loads a Vulkan loader into the process, so that Dawn's own dlopen by name finds it there. Node
 * refuses it as "not an addon", but only after it is loaded; RTLD_NODELETE keeps it.
 */
export function loadVulkanLoader(path: string): void {
  const { RTLD_NOW = 2, RTLD_GLOBAL = 0x100 } = constants.dlopen;
  const noDelete = 0x1000;
  try {
    process.dlopen({ exports: {} }, path, RTLD_NOW | RTLD_GLOBAL | noDelete);
  } catch (error) {
    if (!String(error).includes("did not self-register")) throw error;
  }
}
