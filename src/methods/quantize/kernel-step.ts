// One step of a work unit: a kernel call in the variant that the device can run, bound to buffers by name.
import type { DeviceProfile } from "../../base/profile.ts";
import { selectVariant, type KernelCall, type KernelSpec } from "../../kernels/kernel.ts";
import type { Step } from "../../plan/types.ts";

/** Binds a call to the unit's buffers, given in the order of the spec's storage bindings. */
export function kernelStep(
  profile: Pick<DeviceProfile, "features">,
  spec: KernelSpec,
  call: KernelCall,
  bindings: readonly string[],
): Step {
  return { call: { ...call, variant: selectVariant(spec, profile).name }, bindings };
}

/** Bytes rounded up to whole u32 words, as storage buffers need. */
export const wordBytes = (bytes: number): number => Math.ceil(bytes / 4) * 4;

/** The bits of f32 values, for inline uploads. */
export const floatWords = (values: Float32Array): readonly number[] =>
  Array.from(new Uint32Array(values.buffer, values.byteOffset, values.length));
