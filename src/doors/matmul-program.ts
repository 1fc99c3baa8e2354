// What the doors of products share: sizes against the device's limits, and steps as a program of the caller's buffers.
import { UnsupportedError } from "../base/errors.ts";
import type { GpuContext } from "../device/context.ts";
import type { KernelSpec } from "../kernels/kernel.ts";
import { Program, type CallerBuffer, type ProgramSteps } from "./program.ts";

/**
 * Compiles the steps of a product; sizes are of the caller's buffers, by role, which is what the steps call them.
 * @throws UnsupportedError for a buffer beyond one binding; GpuError; DeviceLostError
 */
export async function matmulProgram(
  context: GpuContext,
  steps: ProgramSteps,
  sizes: Readonly<Record<string, number | undefined>>,
  specs: Readonly<Record<string, KernelSpec>>,
): Promise<Program> {
  const callers = Object.entries(sizes).flatMap(([role, bytes]): CallerBuffer[] =>
    bytes === undefined ? [] : [{ role, name: role, bytes }],
  );
  const limit = context.profile.limits.maxStorageBufferBindingSize;
  const largest = callers.reduce((most, { bytes }) => Math.max(most, bytes), 0);
  if (largest > limit) {
    throw new UnsupportedError(`A buffer of ${largest} bytes is more than one binding of the device holds.`, {
      hint: "Cut the weight by rows, or the input by vectors.",
      details: { neededBytes: largest, availableBytes: limit },
    });
  }
  return Program.create(context, steps, callers, specs);
}
