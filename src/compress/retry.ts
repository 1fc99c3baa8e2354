// Plans rest on what can be known beforehand. Where the device has less memory than it promised, the plan is made
// again for half, a few times; where weights have values whose scales f16 does not hold, once more with f32 scales.
import type { ByteSink } from "../base/bytes.ts";
import { OutOfMemoryError } from "../base/errors.ts";
import type { DeviceProfile } from "../base/profile.ts";
import { formatBytes } from "../base/size.ts";
import type { Backend } from "../run/backend.ts";
import { beyondHalfScales, FullScalesNeeded } from "./full-scales.ts";
import type { CompressionPlan } from "./plan-compression.ts";
import {
  runCompression,
  type CompressionResult,
  type RunCompressionOptions,
  type TensorResult,
} from "./run-compression.ts";

export interface CompressWithRetryOptions extends Omit<RunCompressionOptions, "output"> {
  /** Runs in all; default 4. */
  readonly attempts?: number;
  /** Called with the first plan, before it runs. */
  readonly onPlan?: (plan: CompressionPlan) => void;
  /** Called before each further run, with what to tell the user; tensors and progress start over. */
  readonly onRetry?: (warning: string) => void;
}

export interface RetriedCompression {
  /** The plan that was carried out. */
  readonly plan: CompressionPlan;
  readonly result: CompressionResult;
  /** A warning for each run that found no room. */
  readonly retries: readonly string[];
}

/**
 * Plans for the backend's profile and runs; where the device turns out to have no room for the plan, all of its
 * memory is released and the work planned again in smaller chunks, for half of what it had asked for. The output's
 * bytes do not depend on the chunks. Weights whose scales turn out to lie outside of what f16 holds get f32 scales, or
 * stay float. A checkpoint starts over with each plan.
 *
 * @param makeOutput opens the output, once for each run; a run that fails discards it
 * @throws what `makePlan` and `runCompression` throw; OutOfMemoryError of the device where no smaller plan can be had
 * @example await compressWithRetry((profile) => planCompression(model, profile, recipe), backend, () => toFile(path));
 */
export async function compressWithRetry(
  makePlan: (profile: DeviceProfile) => CompressionPlan,
  backend: Backend,
  makeOutput: (plan: CompressionPlan) => Promise<ByteSink>,
  { attempts = 4, onPlan, onRetry, ...options }: CompressWithRetryOptions = {},
): Promise<RetriedCompression> {
  let [plan, planFor] = [makePlan(backend.profile), makePlan];
  onPlan?.(plan);
  const retries: string[] = [];
  const onPacked = (tensors: readonly TensorResult[]): void => {
    const found = beyondHalfScales(plan, tensors);
    if (found.size > 0) throw new FullScalesNeeded(found);
    options.onPacked?.(tensors);
  };
  for (let attempt = 1; ; attempt++) {
    try {
      const result = await runCompression(plan, backend, { ...options, onPacked, output: await makeOutput(plan) });
      return { plan, result, retries };
    } catch (error) {
      let warning: string;
      if (error instanceof FullScalesNeeded) {
        planFor = plan.job.withFullScales(error.weights);
        plan = planFor({ ...backend.profile, ...budgetOf(plan) });
        const names = [...error.weights].map((name) => `"${name}"`).join(", ");
        warning = `The scales of ${names} lie outside of what f16 holds; packing again with f32 scales.`;
      } else {
        if (!(error instanceof OutOfMemoryError) || attempt >= attempts) throw error;
        const smaller = smallerPlan(planFor, backend.profile, plan);
        if (!smaller) throw error;
        const [had, has] = [plan, smaller].map((each) => formatBytes(each.plan.peakDeviceBytes));
        warning = `The device has no room for ${had}; going on in smaller chunks, with ${has}.`;
        plan = smaller;
      }
      retries.push(warning);
      onRetry?.(warning);
      await options.checkpoint?.clear();
    }
  }
}

const budgetOf = ({ job: { budget } }: CompressionPlan): Partial<DeviceProfile> =>
  budget === undefined ? {} : { memoryBudget: budget };

function smallerPlan(
  makePlan: (profile: DeviceProfile) => CompressionPlan,
  profile: DeviceProfile,
  { plan: { peakDeviceBytes } }: CompressionPlan,
): CompressionPlan | undefined {
  try {
    const plan = makePlan({ ...profile, memoryBudget: Math.floor(peakDeviceBytes / 2) });
    return plan.plan.peakDeviceBytes < peakDeviceBytes ? plan : undefined;
  } catch (error) {
    if (error instanceof OutOfMemoryError) return undefined;
    throw error;
  }
}
