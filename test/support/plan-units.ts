// Work units for tests of plans and runs: copies of words, since those need no numerics to be right.
import type { DeviceProfile } from "../../src/base/profile.ts";
import { copyWordsCall } from "../../src/kernels/util/copy-words.ts";
import type { WorkUnit } from "../../src/plan/types.ts";

/** A profile like llvmpipe's, without a device. */
export function testProfile(changes: Partial<DeviceProfile> = {}): DeviceProfile {
  return {
    backend: "webgpu",
    adapterClass: "llvmpipe",
    description: "test profile",
    vendor: "",
    architecture: "",
    features: [],
    limits: {
      maxBufferSize: 2 ** 32,
      maxStorageBufferBindingSize: 2 ** 27,
      maxStorageBuffersPerShaderStage: 8,
      maxComputeWorkgroupsPerDimension: 65535,
      maxComputeInvocationsPerWorkgroup: 256,
      maxComputeWorkgroupSizeX: 256,
      maxComputeWorkgroupStorageSize: 16384,
      minStorageBufferOffsetAlignment: 256,
    },
    ...changes,
  };
}

/**
 * Reads `bytes` of source `id`, copies them `steps` times from buffer to buffer, and delivers the last one
 * as target `id`. Bytes need not be a multiple of 4.
 */
export function copyUnit(id: string, bytes: number, steps = 1): WorkUnit {
  const words = Math.ceil(bytes / 4);
  const room = Math.ceil(bytes / 16) * 16;
  const names = Array.from({ length: steps + 1 }, (_, index) => `b${index}`);
  return {
    id,
    label: id,
    buffers: Object.fromEntries(names.map((name) => [name, room])),
    uploads: [
      { buffer: "b0", data: { kind: "read", source: id, offset: 0, rowBytes: bytes, rows: 1, rowStride: bytes } },
    ],
    steps: Array.from({ length: steps }, (_, index) => ({
      call: copyWordsCall(words),
      bindings: [`b${index}`, `b${index + 1}`],
    })),
    downloads: [{ buffer: `b${steps}`, offset: 0, bytes, target: id }],
  };
}
