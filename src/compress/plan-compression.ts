// From an opened model and a recipe to a compression plan: which weight becomes what, the rewritten graph,
// the exact layout of the output file, and the device's schedule. Pure: no device, no weights are read.
import { byteLengthOf, elementCount } from "../base/dtypes.ts";
import type { DeviceProfile } from "../base/profile.ts";
import { OutOfMemoryError, UsageError } from "../base/errors.ts";
import { findDType } from "../formats/onnx/dtypes.ts";
import type { OnnxModel, OnnxTensor } from "../formats/onnx/ir.ts";
import { layoutOnnx, type FileLayout } from "../formats/onnx/layout.ts";
import { NameSpace } from "../model/scopes.ts";
import { findWeights, type Weight } from "../model/weights.ts";
import { raiseVersions } from "../formats/onnx/opset/raise.ts";
import { chooseRewrites, type ChosenRewrite, type Skipped } from "../methods/quantize/onnx/choose.ts";
import { applyEdits } from "../methods/quantize/onnx/edits.ts";
import { convertToHalf, defaultHalfBlockList } from "../methods/quantize/onnx/half.ts";
import type { PackedWeight } from "../methods/quantize/packed.ts";
import { decide, type RuleOptions } from "../methods/quantize/rules.ts";
import { quantizeUnits, type UnitResult } from "../methods/quantize/units.ts";
import type { Plan } from "../plan/types.ts";
import { planUnits } from "../plan/plan-units.ts";
import type { Model } from "./open-model.ts";

export interface QuantizeRecipe extends RuleOptions {
  /** Name of the file for external data, beside the output; by default only where protobuf's 2 GiB limit asks for it. */
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

export interface CompressionJob {
  readonly model: OnnxModel;
  readonly layout: FileLayout;
  readonly packed: readonly PackedWeight[];
  readonly results: readonly UnitResult[];
  /** The constants behind the run's source keys. */
  readonly sources: ReadonlyMap<string, OnnxTensor>;
  /** Units as planned, for a fresh plan under a smaller budget. */
  readonly budget: number | undefined;
}

export interface PlanCompressionOptions {
  /** Version and recipe are written to the model's metadata under this name. */
  readonly producer?: string;
}

const largestChunkElements = 8 * 2 ** 20;
const smallestChunkElements = 16 * 2 ** 10;

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
  const { weights, scopes } = findWeights(model.onnx);
  const decisions = decide(weights, recipe);
  const names = new NameSpace(scopes);
  const sources = new Map<string, OnnxTensor>();
  const choice = chooseRewrites(decisions, (format, weight) => ({
    names,
    scaleType: format.restAsHalf || weight.dataType === halfType ? "f16" : "f32",
    sourceKey: (of: Weight) => register(sources, of.id, of.holder.tensor),
  }));
  const warnings: string[] = [];
  const opset = Math.max(0, ...choice.rewrites.map(({ rewrite }) => rewrite.requires.opset ?? 0));
  const domains = new Set(choice.rewrites.flatMap(({ rewrite }) => rewrite.requires.domains ?? []));
  let onnx = applyEdits(
    model.onnx,
    choice.rewrites.flatMap(({ rewrite }) => rewrite.edits),
  );
  const raised = raiseVersions(onnx, { opset, domains: [...domains], fresh: (wanted) => names.fresh(wanted) });
  onnx = raised.model;
  warnings.push(...raised.warnings);
  const packed: PackedWeight[] = choice.rewrites.flatMap(({ rewrite }) => rewrite.packed);
  const tensors = choice.rewrites.map(plannedTensor);
  const keptFloat: Skipped[] = [];
  if (recipe.format === "fp16" || recipe.format === "q4f16") {
    const half = convertToHalf(onnx, {
      names,
      keep: new Set(recipe.keepFloat ?? defaultHalfBlockList),
      sourceKey: (tensor, name) => register(sources, name, tensor),
    });
    onnx = half.model;
    packed.push(...half.packed);
    warnings.push(...half.warnings);
    keptFloat.push(...half.kept);
    tensors.push(...half.packed.map((cast) => castTensor(cast, sources)));
  } else if (choice.rewrites.length === 0) {
    throw new UsageError(`No weight of ${model.source.name} can be quantized to ${recipe.format}.`, {
      hint:
        choice.skipped.length > 0
          ? `Skipped: ${choice.skipped
              .slice(0, 5)
              .map((s) => `${s.name} (${s.reason})`)
              .join("; ")}.`
          : "The model has no weights of rank 2 or more.",
      details: { file: model.source.name, reason: "nothing-fits" },
    });
  }
  onnx = withProvenance(onnx, recipe, options.producer);
  const layout = layoutOnnx(
    onnx,
    recipe.externalDataFile ? { externalData: { fileName: recipe.externalDataFile } } : {},
  );
  const { plan, results } = schedule(profile, packed);
  return {
    recipe,
    input: { name: model.source.name, bytes: model.source.size },
    output: { bytes: layout.main.size + (layout.external?.size ?? 0) },
    tensors,
    skipped: [...choice.skipped, ...keptFloat],
    warnings: [...warnings, ...plan.warnings],
    plan,
    job: { model: onnx, layout, packed, results, sources, budget: profile.memoryBudget },
  };
}

const halfType = 10;

function register(sources: Map<string, OnnxTensor>, wanted: string, tensor: OnnxTensor): string {
  let key = wanted;
  for (let n = 1; sources.has(key) && sources.get(key) !== tensor; n++) key = `${wanted}#${n}`;
  sources.set(key, tensor);
  return key;
}

/** Units and plan under the profile's budget: chunks are halved until the plan fits. */
export function schedule(
  profile: DeviceProfile,
  packed: readonly PackedWeight[],
): { plan: Plan; results: readonly UnitResult[] } {
  const binding = Math.floor(Math.min(profile.limits.maxStorageBufferBindingSize, profile.limits.maxBufferSize) / 4);
  const budget = profile.memoryBudget === undefined ? Infinity : Math.floor(profile.memoryBudget / 32);
  for (
    let elements = Math.min(largestChunkElements, binding, Math.max(budget, smallestChunkElements));
    ;
    elements = Math.floor(elements / 2)
  ) {
    try {
      const { units, results } = quantizeUnits(profile, packed, elements);
      return { plan: planUnits(units, profile), results };
    } catch (error) {
      if (!(error instanceof OutOfMemoryError) || elements <= smallestChunkElements) throw error;
    }
  }
}

function plannedTensor({ weights, format, rewrite }: ChosenRewrite): PlannedTensor {
  const [first] = weights;
  return {
    name: weights.map((weight) => weight.id).join(" + "),
    op: first?.uses[0]?.node.opType ?? rewrite.op,
    operator: rewrite.op,
    shape: first?.dims ?? [],
    format: format.name,
    bytesBefore: weights.reduce((sum, weight) => sum + bytesOfTensor(weight.holder.tensor), 0),
    bytesAfter: rewrite.packed.reduce((sum, { parts }) => sum + partBytes(parts), 0),
    packed: rewrite.packed.map(({ id }) => id),
  };
}

function castTensor(cast: PackedWeight, sources: ReadonlyMap<string, OnnxTensor>): PlannedTensor {
  const tensor = sources.get(cast.source);
  return {
    name: cast.source,
    op: "constant",
    operator: "constant",
    shape: tensor?.dims ?? [],
    format: "fp16",
    bytesBefore: tensor ? bytesOfTensor(tensor) : 0,
    bytesAfter: partBytes(cast.parts),
    packed: [cast.id],
  };
}

const partBytes = (parts: PackedWeight["parts"]): number =>
  parts.codes.bytes + (parts.scales?.bytes ?? 0) + (parts.zeroPoints?.bytes ?? 0);

function bytesOfTensor(tensor: OnnxTensor): number {
  const dtype = findDType(tensor.dataType);
  return dtype ? byteLengthOf(dtype, elementCount(tensor.dims)) : 0;
}

function withProvenance(model: OnnxModel, recipe: QuantizeRecipe, producer = "wgslim"): OnnxModel {
  const own: readonly (readonly [string, string])[] = [
    ["wgslim.producer", producer],
    ["wgslim.recipe", JSON.stringify(recipe)],
  ];
  const kept = model.metadata.filter(([key]) => !own.some(([name]) => name === key));
  return { ...model, metadata: [...kept, ...own] };
}
