// Plans an ONNX model: which weight becomes what, the rewritten graph, the exact layout of the output file, and the
// device's schedule. Pure: no device, no weights are read.
import { byteLengthOf, elementCount } from "../base/dtypes.ts";
import { UnsupportedError, UsageError } from "../base/errors.ts";
import { findDType } from "../formats/onnx/dtypes.ts";
import { OnnxType, type OnnxModel, type OnnxNode, type OnnxTensor } from "../formats/onnx/ir.ts";
import { layoutOnnx, type LayoutOptions } from "../formats/onnx/layout.ts";
import { NameSpace } from "../model/scopes.ts";
import { findWeights, type Weight, type WeightRole } from "../model/weights.ts";
import { raiseVersions } from "../formats/onnx/opset/raise.ts";
import { chooseRewrites, type ChosenRewrite, type Skipped } from "../methods/quantize/onnx/choose.ts";
import { applyEdits } from "../methods/quantize/onnx/edits.ts";
import type { ScaleType } from "../methods/quantize/encoding.ts";
import type { FormatName } from "../methods/quantize/formats.ts";
import type { Rewrite } from "../methods/quantize/onnx/rewrite.ts";
import { dropNeedlessCasts } from "../methods/quantize/onnx/needless-casts.ts";
import type { Room } from "../methods/quantize/onnx/refine.ts";
import { convertToHalf, defaultHalfBlockList } from "../methods/quantize/onnx/half.ts";
import type { GivenCodes, PackedWeight } from "../methods/quantize/packed.ts";
import { decide } from "../methods/quantize/rules.ts";
import type { OnnxFile } from "./models.ts";
import type { CompressionDraft, PlanCompressionOptions, PlannedTensor, QuantizeRecipe } from "./plan-types.ts";
import { partBytes, register, schedule } from "./schedule.ts";

/**
 * Plans the compression of an ONNX model.
 * @throws UsageError for clashing options or rules that match nothing; UnsupportedError where an operator set
 *   cannot be raised
 */
export function planOnnx(
  model: OnnxFile,
  recipe: QuantizeRecipe,
  options: PlanCompressionOptions = {},
): CompressionDraft {
  const { weights, scopes } = findWeights(model.onnx);
  const decisions = decide(weights, recipe);
  const names = new NameSpace(scopes);
  const sources = new Map<string, OnnxTensor>();
  const narrowings = new Set<OnnxNode>();
  const restAsHalf = recipe.format === "fp16" || recipe.format === "q4f16";
  if (restAsHalf) refuseBfloatArithmetic(weights, model.source.name, recipe.format);
  const { fullScales = new Set() } = options;
  const scalesOf = ({ id, dataType }: Weight): ScaleType => {
    if (dataType === OnnxType.FLOAT16) return "f16";
    return restAsHalf && !fullScales.has(id) ? "f16" : "f32";
  };
  const choice = chooseRewrites(
    decisions,
    (weight) => ({
      names,
      narrowings,
      scaleType: scalesOf(weight),
      fullScales: fullScales.has(weight.id),
      sourceKey: (of: Weight) => register(sources, of.id, of.holder.tensor),
    }),
    { restAsHalf, ...(recipe.skip === false ? {} : { room: roomOf(model, weights, recipe) }) },
  );
  const warnings: string[] = [];
  const opset = Math.max(0, ...choice.rewrites.map(({ rewrite }) => rewrite.requires.opset ?? 0));
  const domains = new Set(choice.rewrites.flatMap(({ rewrite }) => rewrite.requires.domains ?? []));
  let onnx = applyEdits(
    model.onnx,
    choice.rewrites.flatMap(({ rewrite }) => rewrite.edits),
  );
  onnx = dropNeedlessCasts(onnx, narrowings);
  const raised = raiseVersions(onnx, { opset, domains: [...domains], fresh: (wanted) => names.fresh(wanted) });
  onnx = raised.model;
  warnings.push(...raised.warnings);
  const packed: PackedWeight[] = choice.rewrites
    .flatMap(({ rewrite }) => rewrite.packed)
    .map((weight) => withGiven(weight, options.given?.get(weight.id), sources));
  const tensors = choice.rewrites.map(plannedTensor);
  const keptFloat: Skipped[] = [];
  if (restAsHalf) {
    const half = convertToHalf(onnx, {
      names,
      keep: new Set(recipe.keepFloat ?? defaultHalfBlockList),
      packedInFull: new Set(
        choice.rewrites.flatMap(({ rewrite }) => (hasFullScales(rewrite) ? nodeNames(rewrite) : [])),
      ),
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
  const layout = layoutOnnx(onnx, externalData(recipe, options));
  return (profile) => {
    const { plan, results } = schedule(profile, packed);
    return {
      recipe,
      input: { name: model.source.name, bytes: model.source.size },
      output: { bytes: layout.main.size + (layout.external?.size ?? 0) },
      tensors,
      skipped: [...choice.skipped, ...keptFloat],
      warnings: [...warnings, ...plan.warnings],
      plan,
      job: {
        layout,
        packed,
        results,
        sources,
        budget: profile.memoryBudget,
        withFullScales: (ids) => planOnnx(model, recipe, { ...options, fullScales: ids }),
      },
    };
  };
}

/** Given codes become constants of the run, under keys of their own. */
function withGiven(
  weight: PackedWeight,
  given: GivenCodes | undefined,
  sources: Map<string, OnnxTensor>,
): PackedWeight {
  if (!given) return weight;
  const key = (part: keyof GivenCodes): string => {
    const bytes = given[part];
    const name = `${weight.id}/${part}`;
    return register(sources, name, {
      name,
      dataType: OnnxType.UINT8,
      dims: [bytes.length],
      data: { kind: "bytes", bytes },
    });
  };
  return { ...weight, given: { codes: key("codes"), scales: key("scales"), zeros: key("zeros") } };
}

const hasFullScales = ({ packed }: Rewrite): boolean =>
  packed.some(({ encoding, scaleType }) => encoding.kind !== "cast" && scaleType === "f32");

const nodeNames = ({ edits }: Rewrite): readonly string[] =>
  edits.flatMap((edit) => ("nodes" in edit ? edit.nodes : [])).flatMap(({ name }) => name || []);

function externalData(recipe: QuantizeRecipe, { dataFile }: PlanCompressionOptions): LayoutOptions {
  if (recipe.externalDataFile) return { externalData: { fileName: recipe.externalDataFile } };
  return dataFile ? { externalData: { fileName: dataFile, when: "needed" } } : {};
}

/** Roles in which an operator computes with the weight, where others only look it up or move it. */
const computing: ReadonlySet<WeightRole> = new Set(["conv", "convTranspose", "matmul", "gemm", "recurrent"]);

function refuseBfloatArithmetic(weights: readonly Weight[], file: string, format: FormatName): void {
  const found = weights.find(({ dataType, role }) => dataType === OnnxType.BFLOAT16 && computing.has(role));
  if (!found) return;
  throw new UnsupportedError(
    `${file} computes in bfloat16 (weight "${found.id}"): ${format} turns float32 models into float16, and bfloat16 values may lie far outside of its range.`,
    {
      hint: "Export the model in float32, or choose int8 or int4: they keep the model's own arithmetic.",
      details: { file, tensor: found.id },
    },
  );
}

function roomOf({ source }: OnnxFile, weights: readonly Weight[], { formatOptions = {} }: QuantizeRecipe): Room {
  const elsewhere = weights.filter(
    ({
      holder: {
        tensor: { data },
      },
    }) => data.kind === "range" && data.external,
  );
  return {
    fileBytes: elsewhere.reduce((sum, { holder }) => sum + bytesOfTensor(holder.tensor), source.size),
    fineBlocks: formatOptions.granularity === undefined && formatOptions.symmetric === undefined,
  };
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
