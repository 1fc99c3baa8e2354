// From an opened model and a recipe to a compression plan. Pure: no device, no weights are read.
import type { DeviceProfile } from "../base/profile.ts";
import type { Model } from "./models.ts";
import type { CompressionDraft, CompressionPlan, PlanCompressionOptions, QuantizeRecipe } from "./plan-types.ts";

export type {
  CompressionDraft,
  CompressionPlan,
  PlanCompressionOptions,
  PlannedTensor,
  QuantizeRecipe,
} from "./plan-types.ts";

/**
 * Settles all that needs no device: which weight becomes what, the rewritten graph, the output's layout.
 * @returns what plans the rest for a device, as often as asked
 * @throws UsageError for clashing options or rules that match nothing; UnsupportedError where an operator set
 *   cannot be raised
 */
export function draftCompression(
  model: Model,
  recipe: QuantizeRecipe,
  options: PlanCompressionOptions = {},
): CompressionDraft {
  return model.draft(recipe, options);
}

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
  return draftCompression(model, recipe, options)(profile);
}
