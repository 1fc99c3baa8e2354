// The plainest backend: each call runs its kernel's scalar reference. Slow and sure; holds whole plans on
// other backends to account, and serves machines that have nothing better.
import { UnsupportedError } from "../base/errors.ts";
import type { DeviceProfile } from "../base/profile.ts";
import { referenceParams, type KernelReference } from "../kernels/kernel.ts";
import { HostBackend } from "./host-backend.ts";
import type { HostBackendOptions } from "./host-backend.ts";

export interface CpuBackendOptions extends Pick<HostBackendOptions, "memoryLimit" | "poison"> {
  /** Bytes that plans may use at once. */
  readonly memoryBudget?: number;
}

/** The limits of the WebGPU specification, so that plans come out as on a plain device. */
const limits: DeviceProfile["limits"] = {
  maxBufferSize: 2 ** 28,
  maxStorageBufferBindingSize: 2 ** 27,
  maxStorageBuffersPerShaderStage: 8,
  maxComputeWorkgroupsPerDimension: 65_535,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
  maxComputeWorkgroupStorageSize: 16_384,
  minStorageBufferOffsetAlignment: 256,
};

export class CpuBackend extends HostBackend {
  /** @param references by kernel id; a plan that calls another kernel is refused with UnsupportedError */
  constructor(references: Readonly<Record<string, KernelReference>>, options: CpuBackendOptions = {}) {
    const { memoryBudget, ...rest } = options;
    const referenceOf = (kernel: string): KernelReference => {
      const reference = references[kernel];
      if (reference) return reference;
      throw new UnsupportedError(`The CPU backend lacks kernel ${kernel}.`, { details: { kernel } });
    };
    super(
      {
        backend: "cpu",
        adapterClass: "cpu",
        description: "plain CPU reference",
        vendor: "",
        architecture: "",
        features: [],
        limits,
        ...(memoryBudget === undefined ? {} : { memoryBudget }),
      },
      (call, buffers) => referenceOf(call.kernel)(referenceParams(call), buffers),
      { ...rest, prepare: ({ kernel }) => void referenceOf(kernel) },
    );
  }
}
