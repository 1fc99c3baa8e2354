// From an opened model and a recipe to a compression plan. Pure: no device, no weights are read.
import type { DeviceProfile } from "../base/profile.ts";
import type { Model } from "./models.ts";
import type { CompressionPlan, PlanCompressionOptions, QuantizeRecipe } from "./plan-types.ts";

export type { CompressionPlan, PlanCompressionOptions, PlannedTensor, QuantizeRecipe } from "./plan-types.ts";

/**
 * Plans the compression of a model.
 * @throws UsageError for clashing options or rules that match nothing; UnsupportedError where an operator set
 *   cannot be raised; OutOfMemoryError where even the smallest chunks exceed the memory budget
 */
export function planCompression(
  model: Model,
  profile: DeviceProfile,
  recipe: QuantizeRecipe,
  options: PlanCompressionOptions = {},
): CompressionPlan {
  return model.plan(profile, recipe, options);
}
