// Opens a device: the caller's own, one of a GPU object that the caller names, or the platform's.
// This file serves every platform that has `navigator.gpu`; node.ts adds the drivers of Node.
import { NoAdapterError, UsageError } from "../base/errors.ts";
import type { Feature } from "../base/profile.ts";
import { parseBytes } from "../base/size.ts";
import { GpuContext } from "./context.ts";
import { adapterName, readProfile } from "./profile.ts";
import type { AdapterWords } from "./profile.ts";
import { noAdapterOnWeb, platformGpu } from "./web.ts";

export interface OpenDeviceOptions {
  /** A device of the caller's: used, never destroyed by us. */
  device?: GPUDevice;
  /** Where to ask for an adapter; default is the platform's. */
  gpu?: GPU;
  powerPreference?: GPUPowerPreference;
  /** Bytes that plans may use on the device, as a number or as text: "1.5 GiB". */
  memoryBudget?: number | string;
  /** Features without which the device is of no use to the caller. */
  require?: readonly Feature[];
}

/** Node's binding may free a GPU object under its live device; this keeps the two together. */
const anchors = new WeakMap<GPUDevice, readonly unknown[]>();

const wanted: readonly Feature[] = ["shader-f16", "subgroups", "timestamp-query"];

/**
 * Opens a device.
 *
 * @example await using gpu = await openDevice({ memoryBudget: "1.5 GiB" });
 * @throws NoAdapterError where no adapter can be had, or none with the required features; UsageError
 */
export async function openDevice(options: OpenDeviceOptions = {}): Promise<GpuContext> {
  checkOptions(options);
  if (options.device) return borrowDevice(options.device, options);
  const gpu = options.gpu ?? platformGpu();
  const context = gpu && (await openFrom(gpu, options));
  if (!context) throw noAdapterOnWeb(gpu !== undefined);
  return context;
}

/** Refuses options that contradict each other, before anything is opened. */
export function checkOptions(options: OpenDeviceOptions): void {
  if (options.memoryBudget !== undefined) parseBytes(options.memoryBudget);
  if (options.device && options.gpu) {
    throw new UsageError("openDevice was given both a device and a gpu.", { hint: "Give one of the two." });
  }
}

/** Wraps a device of the caller's. */
export function borrowDevice(device: GPUDevice, options: OpenDeviceOptions): GpuContext {
  // Older browsers have no device.adapterInfo; such a device is taken for hardware with no name.
  const words: AdapterWords = (device as { adapterInfo?: AdapterWords }).adapterInfo ?? {};
  demandFeatures(device.features, options.require ?? [], words);
  const language = platformGpu()?.wgslLanguageFeatures;
  return new GpuContext(device, readProfile(device, words, budgetOf(options), language), false);
}

/**
 * Opens a device of a GPU object with the adapter's own limits; undefined where it has no adapter.
 * Asks for a fresh adapter each time, since an adapter gives one device only.
 * @param accept looks at the adapter's words; false means "not this one"
 */
export async function openFrom(
  gpu: GPU,
  options: OpenDeviceOptions,
  accept: (words: AdapterWords) => boolean = () => true,
): Promise<GpuContext | undefined> {
  const { powerPreference } = options;
  const adapter = await gpu.requestAdapter(powerPreference ? { powerPreference } : {});
  if (!adapter || !accept(adapter.info)) return undefined;
  demandFeatures(adapter.features, options.require ?? [], adapter.info);
  const device = await adapter.requestDevice({
    requiredFeatures: wanted.filter((feature) => adapter.features.has(feature)),
    requiredLimits: ownLimits(adapter.limits),
  });
  anchors.set(device, [gpu, adapter]);
  const profile = readProfile(device, adapter.info, budgetOf(options), gpu.wgslLanguageFeatures);
  return new GpuContext(device, profile, true);
}

/** Every limit the adapter names. Without them a device gets 128 MiB bindings and 256 invocations. */
function ownLimits(limits: GPUSupportedLimits): Record<string, number> {
  const own: Record<string, number> = {};
  // The limits are getters of the prototype: no Object.entries here. Subgroup sizes were listed among
  // them for a while but can't be asked for.
  // oxlint-disable-next-line guard-for-in -- inherited names are the point
  for (const name in limits) {
    const value: unknown = Reflect.get(limits, name);
    if (typeof value === "number" && !name.includes("SubgroupSize")) own[name] = value;
  }
  return own;
}

function demandFeatures(has: ReadonlySet<string>, required: readonly string[], words: AdapterWords): void {
  const missing = required.filter((feature) => !has.has(feature));
  if (missing.length === 0) return;
  throw new NoAdapterError(`The adapter ${adapterName(words)} lacks ${missing.join(", ")}.`, {
    hint: "Use another adapter or browser, or do without the feature.",
    details: { missing, adapter: adapterName(words) },
  });
}

function budgetOf(options: OpenDeviceOptions): number | undefined {
  return options.memoryBudget === undefined ? undefined : parseBytes(options.memoryBudget);
}
