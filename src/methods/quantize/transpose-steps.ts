// Turns a [rows, cols] f32 matrix around, for formats that want the other order.
import type { DeviceProfile } from "../../base/profile.ts";
import { transposeCall, transposeSpec } from "../../kernels/util/transpose.ts";
import type { Step } from "../../plan/types.ts";
import { kernelStep } from "./kernel-step.ts";

export interface TransposeRequest {
  readonly rows: number;
  readonly cols: number;
  /** [rows, cols] f32. */
  readonly source: string;
  /** [cols, rows] f32. */
  readonly target: string;
}

/** Adds the target buffer and the step that fills it. */
export function transposeSteps(
  profile: DeviceProfile,
  { rows, cols, source, target }: TransposeRequest,
): { readonly buffers: Readonly<Record<string, number>>; readonly steps: readonly Step[] } {
  return {
    buffers: { [target]: rows * cols * 4 },
    steps: [kernelStep(profile, transposeSpec, transposeCall(rows, cols), [source, target])],
  };
}
