// When the device has less memory than the plan took for granted: plan again with half, a few times.
import { OutOfMemoryError } from "../base/errors.ts";
import type { Plan } from "../plan/types.ts";
import type { Backend } from "./backend.ts";
import { runPlan } from "./run-plan.ts";
import type { RunIo, RunOptions, RunReport } from "./run-plan.ts";

export interface RetryOptions extends RunOptions {
  /** Runs in all; default 4. */
  readonly attempts?: number;
  /** Called before the next run, with its plan; the earlier runs' deliveries do not count any more. */
  readonly onRetry?: (plan: Plan, error: OutOfMemoryError) => void | Promise<void>;
}

/**
 * Runs the plan for the backend's budget; where the device has no room for it, plans again for half of what
 * it had asked for. Chunks change then, so all units are delivered anew and a checkpoint starts over.
 *
 * @param makePlan gives the plan for a budget in bytes (undefined: as the caller sees fit), or throws
 *   OutOfMemoryError where the work can't be cut that small
 * @throws what `runPlan` throws; OutOfMemoryError of the device when no smaller plan can be had
 */
export async function runWithRetry(
  makePlan: (memoryBudget: number | undefined) => Plan,
  backend: Backend,
  io: RunIo,
  { attempts = 4, onRetry, ...options }: RetryOptions = {},
): Promise<RunReport> {
  let plan = makePlan(backend.profile.memoryBudget);
  for (let attempt = 1; ; attempt++) {
    try {
      return await runPlan(plan, backend, io, options);
    } catch (error) {
      if (!(error instanceof OutOfMemoryError) || attempt >= attempts) throw error;
      const smaller = smallerPlan(makePlan, plan);
      if (!smaller) throw error;
      if (smaller.fingerprint !== plan.fingerprint) await options.checkpoint?.clear();
      plan = smaller;
      await onRetry?.(plan, error);
    }
  }
}

function smallerPlan(makePlan: (memoryBudget: number) => Plan, { peakDeviceBytes }: Plan): Plan | undefined {
  try {
    const plan = makePlan(Math.floor(peakDeviceBytes / 2));
    return plan.peakDeviceBytes < peakDeviceBytes ? plan : undefined;
  } catch (error) {
    if (error instanceof OutOfMemoryError) return undefined;
    throw error;
  }
}
