// Reads what a device can do into plain data, and tells hardware from software drivers by the words
// that drivers use about themselves. Must not open anything.
import type { AdapterClass, DeviceLimits, DeviceProfile, LanguageFeature } from "../base/profile.ts";

/** The words of an adapter about itself; the part of GPUAdapterInfo that is used here. */
export interface AdapterWords {
  readonly vendor?: string;
  readonly architecture?: string;
  readonly device?: string;
  readonly description?: string;
  readonly isFallbackAdapter?: boolean;
  readonly subgroupMinSize?: number;
  readonly subgroupMaxSize?: number;
}

const softwareWords = /software|softpipe|basic render|\bwarp\b/;

/**
 * Tells what stands behind an adapter. Named software drivers are found by name even where the browser
 * does not mark them as a fallback; whatever is marked as a fallback is never taken for hardware.
 */
export function classifyAdapter(words: AdapterWords): AdapterClass {
  const text = [words.vendor, words.architecture, words.device, words.description].join(" ").toLowerCase();
  if (text.includes("swiftshader")) return "swiftshader";
  if (text.includes("llvmpipe") || text.includes("lavapipe")) return "llvmpipe";
  if (words.isFallbackAdapter === true || softwareWords.test(text)) return "software";
  return "hardware";
}

/** What to call an adapter; browsers often tell no more than vendor and architecture. */
export function adapterName({ description, device, vendor, architecture }: AdapterWords): string {
  return description || device || [vendor, architecture].filter(Boolean).join(" ") || "unnamed adapter";
}

/** The limits that planning looks at, copied out of a GPUSupportedLimits. */
export function readLimits(limits: GPUSupportedLimits): DeviceLimits {
  return {
    maxBufferSize: limits.maxBufferSize,
    maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
    maxStorageBuffersPerShaderStage: limits.maxStorageBuffersPerShaderStage,
    maxComputeWorkgroupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
    maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
    maxComputeWorkgroupSizeX: limits.maxComputeWorkgroupSizeX,
    maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
    minStorageBufferOffsetAlignment: limits.minStorageBufferOffsetAlignment,
  };
}

const languageFeatures: readonly LanguageFeature[] = ["packed_4x8_integer_dot_product"];

/**
 * Describes a device (or an adapter not yet opened) as plain, serialisable data.
 * @param language what the implementation's shader language has
 */
export function readProfile(
  source: { readonly features: Iterable<string>; readonly limits: GPUSupportedLimits },
  words: AdapterWords,
  memoryBudget?: number,
  language: ReadonlySet<string> = new Set(),
): DeviceProfile {
  const features = [...source.features, ...languageFeatures.filter((name) => language.has(name))].toSorted();
  const { subgroupMinSize: min = 0, subgroupMaxSize: max = 0 } = words;
  return {
    backend: "webgpu",
    adapterClass: classifyAdapter(words),
    description: adapterName(words),
    vendor: words.vendor ?? "",
    architecture: words.architecture ?? "",
    features,
    limits: readLimits(source.limits),
    ...(features.includes("subgroups") && min > 0 ? { subgroupSize: { min, max } } : {}),
    ...(memoryBudget === undefined ? {} : { memoryBudget }),
  };
}
