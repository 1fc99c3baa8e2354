// What a device can do, as plain data, so that planning needs no device.

export type AdapterClass = "hardware" | "llvmpipe" | "swiftshader" | "software" | "gpu.js" | "cpu";

export interface DeviceLimits {
  readonly maxBufferSize: number;
  readonly maxStorageBufferBindingSize: number;
  readonly maxStorageBuffersPerShaderStage: number;
  readonly maxComputeWorkgroupsPerDimension: number;
  readonly maxComputeInvocationsPerWorkgroup: number;
  readonly maxComputeWorkgroupSizeX: number;
  readonly maxComputeWorkgroupStorageSize: number;
  readonly minStorageBufferOffsetAlignment: number;
}

/** Optional device features that a kernel variant may ask for. */
export type Feature = "shader-f16" | "subgroups" | "timestamp-query";

/** Features of the shader language that a kernel variant may ask for; listed among a profile's features. */
export type LanguageFeature = "packed_4x8_integer_dot_product";

export interface DeviceProfile {
  readonly backend: "webgpu" | "gpu.js" | "cpu";
  readonly adapterClass: AdapterClass;
  /** The driver's own words. */
  readonly description: string;
  readonly vendor: string;
  readonly architecture: string;
  readonly features: readonly string[];
  readonly limits: DeviceLimits;
  /** Present with the `subgroups` feature. */
  readonly subgroupSize?: { readonly min: number; readonly max: number };
  /** Bytes that plans may use on the device; undefined = no limit of the user's. */
  readonly memoryBudget?: number;
}
