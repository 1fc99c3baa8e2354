// Plans static int8: a model, what calibration knows of its activations, and the options, to the same kind of plan as
// weight-only quantization has. The device makes the weights' codes; the written file is proved as any other.
import { UsageError } from "../base/errors.ts";
import type { OnnxTensor } from "../formats/onnx/ir.ts";
import { layoutOnnx } from "../formats/onnx/layout.ts";
import { setMetadata } from "../formats/onnx/make.ts";
import { assignStatic, type Assignment, type AssignOptions } from "../methods/static/assign.ts";
import type { BiasShifts } from "../methods/static/bias.ts";
import type { Ranges } from "../methods/static/parameters.ts";
import type { PreparedStatic } from "../methods/static/prepare.ts";
import { skipByRules } from "../methods/static/skip-rules.ts";
import { writeStatic } from "../methods/static/write-static.ts";
import type { Rule } from "../methods/quantize/rules.ts";
import type { OnnxFile } from "./models.ts";
import type { CompressionDraft, PlanCompressionOptions, PlannedTensor, QuantizeRecipe } from "./plan-types.ts";
import { partBytes, register, schedule } from "./schedule.ts";

export interface StaticPlanOptions extends Omit<AssignOptions, "skip"> {
  /** `PATTERN=skip` over node names and weights: those stay float. */
  readonly rules?: readonly Rule[];
  /** Added to biases: see `analyticShifts` and `measuredShifts`. */
  readonly biasShifts?: BiasShifts;
  readonly externalDataFile?: string;
}

export interface StaticDraft {
  readonly draft: CompressionDraft;
  /** What became of nodes and activations. */
  readonly assignment: Assignment;
}

/**
 * Plans a static model of a prepared one.
 * @throws UsageError for rules that match nothing or a model of which nothing fits; NonFiniteError for ranges that
 *   are not finite; UnsupportedError where the operator set cannot be raised
 * @example
 * const prepared = await prepareStatic(file.onnx, { activation: "uint8" });
 * const { draft } = planStatic(file, prepared, ranges);
 */
export function planStatic(
  file: Pick<OnnxFile, "source">,
  prepared: PreparedStatic,
  ranges: Ranges,
  options: StaticPlanOptions = {},
  how: PlanCompressionOptions = {},
): StaticDraft {
  const { rules = [], biasShifts = new Map(), externalDataFile, minSqnrDb } = options;
  const skip = skipByRules(prepared.model, rules);
  const assignment = assignStatic(prepared, ranges, { skip, ...(minSqnrDb === undefined ? {} : { minSqnrDb }) });
  const { name } = file.source;
  if (![...assignment.nodes.values()].some(({ operator }) => operator.kind === "product")) {
    const shown = assignment.floats.slice(0, 5).map((each) => `${each.name} (${each.reason})`);
    throw new UsageError(`No operator of ${name} can be quantized statically.`, {
      hint: shown.length > 0 ? `Left float: ${shown.join("; ")}.` : "It has no convolutions or matrix products.",
      details: { file: name, reason: "nothing-fits" },
    });
  }
  const sources = new Map<string, OnnxTensor>();
  const written = writeStatic(prepared, assignment, biasShifts, ({ id, holder }) =>
    register(sources, id, holder.tensor),
  );
  const { activation, form, perChannel, provider } = prepared.options;
  const recipe: QuantizeRecipe = {
    format: activation === "uint8" ? "uint8" : "int8",
    formatOptions: { granularity: perChannel ? "channel" : "tensor" },
    rules,
    ...(externalDataFile === undefined ? {} : { externalDataFile }),
  };
  const model = setMetadata(written.model, {
    "wgslim.producer": how.producer ?? "wgslim",
    "wgslim.recipe": JSON.stringify({ algorithm: "static", activation, form, perChannel, provider, rules }),
  });
  const beside = externalDataFile
    ? { externalData: { fileName: externalDataFile } }
    : how.dataFile
      ? { externalData: { fileName: how.dataFile, when: "needed" as const } }
      : {};
  const layout = layoutOnnx(model, beside);
  const packed = written.packed.map((each) => each.packed);
  const tensors: readonly PlannedTensor[] = written.packed.map(({ weight, packed: own }) => ({
    name: weight.id,
    op: weight.uses[0]?.node.opType ?? "",
    operator: form === "qdq" ? "DequantizeLinear" : "QLinear",
    shape: weight.dims,
    format: recipe.format,
    bytesBefore: 4 * weight.elements,
    bytesAfter: partBytes(own.parts),
    packed: [own.id],
  }));
  const draft: CompressionDraft = (profile) => {
    const { plan, results } = schedule(profile, packed);
    return {
      recipe,
      input: { name, bytes: file.source.size },
      output: { bytes: layout.main.size + (layout.external?.size ?? 0) },
      tensors,
      skipped: assignment.floats,
      warnings: [...written.warnings, ...plan.warnings],
      plan,
      job: { layout, packed, results, sources, budget: profile.memoryBudget, withFullScales: () => draft },
    };
  };
  return { draft, assignment };
}
