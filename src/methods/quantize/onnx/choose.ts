// From decisions to rewrites: picks the operator for each weight, and says why a weight stays float.
import { OnnxType } from "../../../formats/onnx/ir.ts";
import type { Weight } from "../../../model/weights.ts";
import { resolveFormat, type ResolvedFormat } from "../formats.ts";
import type { Decision } from "../rules.ts";
import { rewriteDequantize } from "./dequantize.ts";
import {
  fitsConvInteger,
  fitsDynamicLstm,
  fitsMatMulInteger,
  rewriteConvInteger,
  rewriteDynamicLstm,
  rewriteMatMulInteger,
} from "./dynamic.ts";
import {
  fitsGatherBlockQuantized,
  fitsGatherRows,
  rewriteGatherBlockQuantized,
  rewriteGatherRows,
} from "./embedding.ts";
import { rewriteHalfWeight } from "./half-weight.ts";
import { fitsMatMulNBits, matrixOf, rewriteMatMulBnb4, rewriteMatMulNBits } from "./matmul.ts";
import { refinedFormats, type Room } from "./refine.ts";
import type { Rewrite, RewriteContext } from "./rewrite.ts";

export interface Skipped {
  readonly name: string;
  readonly reason: string;
}

export interface ChosenRewrite {
  readonly weights: readonly Weight[];
  readonly format: ResolvedFormat;
  readonly rewrite: Rewrite;
}

export interface Choice {
  readonly rewrites: readonly ChosenRewrite[];
  readonly skipped: readonly Skipped[];
}

export interface ChooseOptions {
  /** All that is not quantized becomes f16: by the conversion of the whole graph, which comes later. */
  readonly restAsHalf: boolean;
  readonly room?: Room;
}

/** Rewrites every decided weight. */
export function chooseRewrites(
  decisions: readonly Decision[],
  context: (weight: Weight) => RewriteContext,
  { restAsHalf, room }: ChooseOptions,
): Choice {
  const rewrites: ChosenRewrite[] = [];
  const skipped: Skipped[] = [];
  const handled = new Set<Weight>();
  const refined = refinedFormats(decisions, room);
  for (const decision of decisions) {
    const { weight } = decision;
    if (handled.has(weight)) continue;
    if ("skip" in decision) {
      skipped.push({ name: weight.id, reason: decision.skip });
      continue;
    }
    const format = refined.get(weight) ?? decision.format;
    if (format.family === "half" && restAsHalf) continue;
    const own = context(weight);
    const reason = unfitReason(weight, format, own);
    if (reason !== undefined) {
      skipped.push({ name: weight.id, reason });
      continue;
    }
    const partner = lstmPartner(decision, decisions);
    if (partner) handled.add(partner);
    const rewrite = rewriteOne(own, weight, format, partner);
    const taken = partner ? [weight, partner] : [weight];
    const grown = decision.by === "default" ? growth(taken, rewrite) : undefined;
    if (grown === undefined) rewrites.push({ weights: taken, format, rewrite });
    else skipped.push(...taken.map(({ id }) => ({ name: id, reason: grown })));
  }
  return { rewrites, skipped };
}

/** Says so where scales and padding eat what the codes save: rows of a few elements, or of a block's first few. */
function growth(weights: readonly Weight[], { packed }: Rewrite): string | undefined {
  const before = weights.reduce(
    (sum, { elements, storedType }) => sum + elements * (storedType === OnnxType.FLOAT ? 4 : 2),
    0,
  );
  const parts = packed.flatMap(({ parts: { codes, scales, zeroPoints } }) => [codes, scales, zeroPoints]);
  const after = parts.reduce((sum, part) => sum + (part?.bytes ?? 0), 0);
  return after < before ? undefined : `would not shrink: ${after} bytes packed, ${before} now`;
}

function unfitReason(weight: Weight, format: ResolvedFormat, { fullScales }: RewriteContext): string | undefined {
  if (weight.elements === 0) return "zero-sized tensor";
  if (weight.storedType === OnnxType.DOUBLE) return "float64 weights stay as they are: no operator stores them packed";
  if (format.family === "half" && weight.storedType === OnnxType.FLOAT16) return "is float16 already";
  if (fullScales && weight.dataType === OnnxType.FLOAT16)
    return "its values are too small or too large for float16 scales";
  if (weight.overridable) return "graph input with a default value: a caller may replace it";
  // onnxruntime would fuse the two DequantizeLinear nodes into an operator that fails.
  if (weight.timesConstant) return "multiplied by another constant: nothing depends on the input";
  if (format.family === "table" && !matrixOf(weight)) return `${format.name} has an operator for MatMul and Gemm only`;
  if (format.bits === 2 && format.operator !== "dequantize-linear" && !fitsMatMulNBits(weight))
    return "2 bits have a widely supported operator for MatMul and Gemm only (dequantize-linear asks for operator set 25)";
  if (format.operator === "matmul-nbits" && format.granularity === "block" && !fitsBlockOperator(weight, format))
    return "MatMulNBits and GatherBlockQuantized, asked for by name, do not fit it";
  return undefined;
}

const fitsBlockOperator = (weight: Weight, format: ResolvedFormat): boolean =>
  fitsMatMulNBits(weight) || fitsGatherBlockQuantized(weight, format);

function lstmPartner(
  decision: Decision & { format: ResolvedFormat },
  decisions: readonly Decision[],
): Weight | undefined {
  const { weight, format } = decision;
  if (format.family !== "dynamic" || weight.role !== "recurrent") return undefined;
  return decisions.find(
    (other) => "format" in other && other.format.name === format.name && fitsDynamicLstm(weight, other.weight),
  )?.weight;
}

function rewriteOne(
  context: RewriteContext,
  weight: Weight,
  format: ResolvedFormat,
  lstmPair: Weight | undefined,
): Rewrite {
  if (format.family === "half") return rewriteHalfWeight(context, weight);
  if (format.family === "dynamic") {
    if (lstmPair) return rewriteDynamicLstm(context, weight, lstmPair, format);
    if (fitsMatMulInteger(weight)) return rewriteMatMulInteger(context, weight, format);
    if (fitsConvInteger(weight)) return rewriteConvInteger(context, weight, format);
    const weightOnly = resolveFormat(format.signed ? "int8" : "uint8");
    return fitsGatherRows(weight, weightOnly)
      ? rewriteGatherRows(context, weight, weightOnly)
      : rewriteDequantize(context, weight, weightOnly);
  }
  if (format.family === "table") return rewriteMatMulBnb4(context, weight, format);
  const contributed = format.operator === "matmul-nbits" || (format.operator === "auto" && format.bits < 8);
  if (contributed && format.granularity === "block") {
    if (fitsMatMulNBits(weight)) return rewriteMatMulNBits(context, weight, format);
    if (fitsGatherBlockQuantized(weight, format)) return rewriteGatherBlockQuantized(context, weight, format);
  }
  if (format.operator === "auto" && fitsGatherRows(weight, format)) return rewriteGatherRows(context, weight, format);
  return rewriteDequantize(context, weight, format);
}
