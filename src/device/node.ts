// Opens a device in Node on Dawn (npm `webgpu`), which is loaded on the first call and never before.
// Order: the caller's device or GPU object, the drivers that the user's environment names, hardware,
// Mesa's llvmpipe, the embedded SwiftShader. WGSLIM_ADAPTER pins one of the last three.
import { IoError, NoAdapterError, UsageError } from "../base/errors.ts";
import type { GpuContext } from "./context.ts";
import { loadVulkanLoader, setUpDriver, userDriver } from "./node-drivers.ts";
import type { DriverName } from "./node-drivers.ts";
import { openDevice as openPlatformDevice, checkOptions, openFrom } from "./open.ts";
import type { OpenDeviceOptions } from "./open.ts";
import { classifyAdapter } from "./profile.ts";
import { platformGpu } from "./web.ts";

/** Drivers are chosen by an environment variable, so only one may be opened at a time. */
let turn: Promise<unknown> = Promise.resolve();

/**
 * Opens a device in Node. Options and errors as in open.ts.
 *
 * @example await using gpu = await openDevice({ memoryBudget: "1.5 GiB" });
 * @throws NoAdapterError with what was tried and the ways out; UsageError
 */
export async function openDevice(options: OpenDeviceOptions = {}): Promise<GpuContext> {
  checkOptions(options);
  if (options.device || options.gpu || platformGpu()) return await openPlatformDevice(options);
  const mine = turn.then(() => openFirst(driverOrder(), options));
  turn = mine.catch(() => undefined);
  return await mine;
}

/** The drivers to try, in order. @throws UsageError for an unknown WGSLIM_ADAPTER */
export function driverOrder(): readonly DriverName[] {
  const pinned = process.env["WGSLIM_ADAPTER"];
  if (pinned === "hardware" || pinned === "llvmpipe" || pinned === "swiftshader") return [pinned];
  if (pinned) {
    throw new UsageError(`WGSLIM_ADAPTER is "${pinned}".`, {
      hint: 'Set it to "hardware", "llvmpipe" or "swiftshader".',
    });
  }
  return userDriver() ? ["user"] : ["hardware", "llvmpipe", "swiftshader"];
}

/** Opens one driver. @returns the device, or why there is none */
export async function openDriver(driver: DriverName, options: OpenDeviceOptions): Promise<GpuContext | string> {
  const setup = await setUpDriver(driver);
  if (!setup.ready) return setup.missing;
  const before = { icd: process.env["VK_ICD_FILENAMES"], files: process.env["VK_DRIVER_FILES"] };
  if (setup.manifest) {
    process.env["VK_ICD_FILENAMES"] = setup.manifest;
    delete process.env["VK_DRIVER_FILES"];
  }
  try {
    if (setup.loader) loadVulkanLoader(setup.loader);
    const { create } = await importDawn();
    const context = await openFrom(
      create([]),
      options,
      (words) => driver !== "hardware" || classifyAdapter(words) === "hardware",
    );
    return context ?? (driver === "hardware" ? "No hardware adapter was found." : "The driver gave no adapter.");
  } finally {
    restore("VK_ICD_FILENAMES", before.icd);
    restore("VK_DRIVER_FILES", before.files);
  }
}

/** Loads npm `webgpu`. @throws NoAdapterError where it is missing or has no binary for this system */
async function importDawn(): Promise<typeof import("webgpu")> {
  try {
    return await import("webgpu");
  } catch (cause) {
    throw new NoAdapterError(`npm package webgpu could not be loaded on ${process.platform}-${process.arch}.`, {
      hint: "npm i webgpu (it is an optional dependency: npm i --omit=optional leaves it out).",
      cause,
    });
  }
}

async function openFirst(order: readonly DriverName[], options: OpenDeviceOptions): Promise<GpuContext> {
  const tried: string[] = [];
  let cause: unknown;
  for (const driver of order) {
    try {
      const result = await openDriver(driver, options);
      if (typeof result !== "string") return result;
      tried.push(`${driver}: ${result}`);
    } catch (error) {
      if (!(error instanceof NoAdapterError || error instanceof IoError)) throw error;
      cause = error;
      tried.push(`${driver}: ${error.message}`);
    }
  }
  throw new NoAdapterError(`No WebGPU adapter can be had. ${tried.join(" ")}`, {
    hint:
      "Install your GPU's driver, or Mesa's software driver (apt install mesa-vulkan-drivers libvulkan1, Mesa 23 or newer), " +
      "or npm i @sparticuz/chromium, which carries one. `wgslim doctor` shows what each of them lacks.",
    details: { tried },
    cause,
  });
}

function restore(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
}
