// Weights whose scales f16 does not hold. Plans are made without reading a value, and take f16 scales where those
// save bytes; whether they reach far enough shows when the values have been seen.
import type { CompressionPlan } from "./plan-types.ts";
import type { TensorResult } from "./run-compression.ts";

/** Below, an f16 has fewer than 4 bits of precision. */
const smallestScale = 2 ** -20;
const largestScale = 65_504;

/**
 * Names of the tensors that need f32 scales. Looks at the extremes of all values, which are the same on every adapter:
 * a block of small values in a tensor of large ones costs next to nothing.
 */
export function beyondHalfScales(plan: CompressionPlan, tensors: readonly TensorResult[]): ReadonlySet<string> {
  const packedById = new Map(plan.job.packed.map((packed) => [packed.id, packed]));
  const found = tensors.filter(({ packed, statistics: { minSource, maxSource } }) =>
    packed.some((id) => {
      const { encoding, scaleType } = packedById.get(id) ?? {};
      if (encoding?.kind !== "affine" || scaleType !== "f16") return false;
      const scale = (Math.max(0, maxSource) - Math.min(0, minSource)) / (2 ** encoding.bits - 1);
      return scale > largestScale || (scale > 0 && scale < smallestScale);
    }),
  );
  return new Set(found.map(({ name }) => name));
}

/** Tells the retrying caller; never leaves it. */
export class FullScalesNeeded extends Error {
  readonly weights: ReadonlySet<string>;

  constructor(weights: ReadonlySet<string>) {
    super("Scales lie outside of the f16 range.");
    this.weights = weights;
  }
}
