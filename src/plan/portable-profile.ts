// A device that every WebGPU implementation is at least as good as, for planning without one: the default
// limits of the specification, no optional feature.
import type { DeviceProfile } from "../base/profile.ts";

export const portableProfile: DeviceProfile = {
  backend: "webgpu",
  adapterClass: "hardware",
  description: "any WebGPU device (the specification's default limits)",
  vendor: "",
  architecture: "",
  features: [],
  limits: {
    maxBufferSize: 268_435_456,
    maxStorageBufferBindingSize: 134_217_728,
    maxStorageBuffersPerShaderStage: 8,
    maxComputeWorkgroupsPerDimension: 65_535,
    maxComputeInvocationsPerWorkgroup: 256,
    maxComputeWorkgroupSizeX: 256,
    maxComputeWorkgroupStorageSize: 16_384,
    minStorageBufferOffsetAlignment: 256,
  },
};
