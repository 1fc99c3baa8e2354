// What a compression plan is: data that prints, and what its run needs.
import type { DeviceProfile } from "../base/profile.ts";
import type { OnnxTensor } from "../formats/onnx/ir.ts";
import type { FileLayout } from "../formats/onnx/layout.ts";
import type { Skipped } from "../methods/quantize/onnx/choose.ts";
import type { GivenCodes, PackedWeight } from "../methods/quantize/packed.ts";
import type { RuleOptions } from "../methods/quantize/rules.ts";
import type { UnitResult } from "../methods/quantize/units.ts";
import type { Plan } from "../plan/types.ts";

export interface QuantizeRecipe extends RuleOptions {
  /** Name of the file for external data, beside the output; weights go there whatever their size. */
  readonly externalDataFile?: string;
  /** Operator types or node names that stay f32 in an f16 model, in place of the default list. */
  readonly keepFloat?: readonly string[];
}

/** One tensor of the plan, as reports print it. */
export interface PlannedTensor {
  readonly name: string;
  /** Operator that multiplies with the weight in the input model. */
  readonly op: string;
  /** Operator that reads the packed weight in the output. */
  readonly operator: string;
  readonly shape: readonly number[];
  readonly format: string;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  /** Ids of the packed weights that make it up. */
  readonly packed: readonly string[];
}

export interface CompressionPlan {
  readonly recipe: QuantizeRecipe;
  readonly input: { readonly name: string; readonly bytes: number };
  readonly output: { readonly bytes: number };
  readonly tensors: readonly PlannedTensor[];
  readonly skipped: readonly Skipped[];
  readonly warnings: readonly string[];
  readonly plan: Plan;
  /** What the run needs and a print-out does not show. */
  readonly job: CompressionJob;
}

/**
 * A plan but for the device's part.
 * @throws OutOfMemoryError where even the smallest chunks exceed the profile's memory budget
 */
export type CompressionDraft = (profile: DeviceProfile) => CompressionPlan;

export interface CompressionJob {
  readonly layout: FileLayout;
  readonly packed: readonly PackedWeight[];
  readonly results: readonly UnitResult[];
  /** The constants behind the run's source keys. */
  readonly sources: ReadonlyMap<string, OnnxTensor>;
  /** Units as planned, for a fresh plan under a smaller budget. */
  readonly budget: number | undefined;
  /** The same plan, but for weights whose scales have turned out to lie outside of what f16 holds. */
  readonly withFullScales: (weights: ReadonlySet<string>) => CompressionDraft;
}

export interface PlanCompressionOptions {
  /** Version and recipe are written to the model's metadata under this name. */
  readonly producer?: string;
  /** Name of the file for external data where protobuf's 2 GiB limit asks for one and the recipe names none. */
  readonly dataFile?: string;
  /** Ids of weights so small or so large that f16 cannot hold their scales: they get f32 ones, or stay float. */
  readonly fullScales?: ReadonlySet<string>;
  /** By the ids of packed weights: codes that are stored as they are. */
  readonly given?: ReadonlyMap<string, GivenCodes>;
}
