// Plans a bag of tensors: float tensors of rank 2 and more are packed, the rest is copied, or cast under fp16 and
// q4f16. There is no graph, so the roles are fixed: axis 0 holds output channels, and blocks run along the rest.
//
// What the written file holds for a packed tensor `NAME`:
//   NAME.codes        int8, uint8 per channel or tensor: I8 or U8 of NAME's shape. Else U8, low bits first; under
//                     blocks [rows, blocks * block * bits / 8], each row's short last block padded: the bytes that
//                     MatMulNBits takes. nf4, fp4: flat, high nibble first (bitsandbytes).
//   NAME.scales       F32, or F16 under q4f16 and for F16 tensors: [rows, blocks], [rows] or []; absmax for tables
//   NAME.zero_points  asymmetric only: U8, bits as the codes; under blocks each row padded to a byte
// and in __metadata__ "wgslim.tensors": JSON by NAME of { dtype, shape, encoding, bits, signed, scheme, granularity,
// block, codes, scales, zeroPoints, zeroPoint }, with the names of the parts, and the zero point of all groups where
// there is no tensor of them. value = (code - zero point) * scale; tables: table[code] * scale.
import { byteLengthOf, elementCount } from "../base/dtypes.ts";
import { UsageError } from "../base/errors.ts";
import { OnnxType, type OnnxTensor } from "../formats/onnx/ir.ts";
import { layoutSafetensors } from "../formats/safetensors/layout.ts";
import { dtypeOfSafe, type SafeDType, type SafeTensor } from "../formats/safetensors/types.ts";
import { blocksPerRow, type Geometry } from "../kernels/quantize/geometry.ts";
import type { CodeLayout } from "../kernels/quantize/geometry.ts";
import type { Weight } from "../model/weights.ts";
import type { Encoding } from "../methods/quantize/encoding.ts";
import {
  blockOperatorEncoding,
  dequantizeLinearEncoding,
  tableEncoding,
  type ResolvedFormat,
} from "../methods/quantize/formats.ts";
import type { Skipped } from "../methods/quantize/onnx/choose.ts";
import { castOnDevice } from "../methods/quantize/onnx/half-constants.ts";
import { pack } from "../methods/quantize/onnx/rewrite.ts";
import type { PackedWeight } from "../methods/quantize/packed.ts";
import { decide } from "../methods/quantize/rules.ts";
import type { SafetensorsFile } from "./models.ts";
import type { CompressionDraft, PlanCompressionOptions, PlannedTensor, QuantizeRecipe } from "./plan-types.ts";
import { asOnnxTensor, asWeight } from "./safetensors-weights.ts";
import { partBytes, register, schedule } from "./schedule.ts";

interface Work {
  readonly packed: PackedWeight[];
  readonly tensors: PlannedTensor[];
  readonly written: SafeTensor[];
  readonly described: Record<string, unknown>;
}

/**
 * Plans the compression of a safetensors model into one file.
 * @throws UsageError for formats that need a graph, clashing options, or rules that match nothing
 */
export function planSafetensors(
  model: SafetensorsFile,
  recipe: QuantizeRecipe,
  options: PlanCompressionOptions = {},
): CompressionDraft {
  const { metadata } = model.safetensors;
  // By name, so that the file does not depend on how the input was cut into shards.
  const tensors = model.safetensors.tensors.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const weights = new Map<Weight, SafeTensor>();
  for (const tensor of tensors) {
    const weight = asWeight(tensor);
    if (weight) weights.set(weight, tensor);
  }
  // Names are sorted, not layers: the first and the last mean nothing.
  const skip = recipe.skip === false ? false : { ...recipe.skip, edgeShare: 0 };
  const decisions = decide([...weights.keys()], { ...recipe, skip });
  const chosen = new Map<SafeTensor, ResolvedFormat>();
  const skipped: Skipped[] = [];
  for (const decision of decisions) {
    const { weight } = decision;
    const tensor = weights.get(weight);
    if ("skip" in decision) skipped.push({ name: weight.id, reason: decision.skip });
    else if (weight.elements === 0) skipped.push({ name: weight.id, reason: "zero-sized tensor" });
    else if (tensor && decision.format.family !== "half") chosen.set(tensor, decision.format);
  }
  const names = freshNames(tensors);
  const { fullScales = new Set() } = options;
  const sources = new Map<string, OnnxTensor>();
  const work: Work = { packed: [], tensors: [], written: [], described: Object.create(null) };
  const left = new Set(skipped.map(({ name }) => name));
  const restAsHalf = recipe.format === "fp16" || recipe.format === "q4f16";
  for (const tensor of tensors) {
    const format = chosen.get(tensor);
    if (format) packTensor(work, tensor, { format, fullScales: fullScales.has(tensor.name) }, names, sources);
    else if (restAsHalf && !left.has(tensor.name) && castable.has(tensor.dtype) && elementCount(tensor.shape) > 0) {
      castTensor(work, tensor, sources);
    } else work.written.push(tensor);
  }
  if (work.packed.length === 0) {
    throw new UsageError(`No tensor of ${model.source.name} can be quantized to ${recipe.format}.`, {
      hint: "Float tensors of rank 2 or more are packed.",
      details: { file: model.source.name, reason: "nothing-fits" },
    });
  }
  const own: readonly (readonly [string, string])[] = [
    ["wgslim.producer", options.producer ?? "wgslim"],
    ["wgslim.recipe", JSON.stringify(recipe)],
    ["wgslim.tensors", JSON.stringify(work.described)],
  ];
  const kept = metadata.filter(([key]) => !own.some(([name]) => name === key));
  const layout = layoutSafetensors({ tensors: work.written, metadata: [...kept, ...own] });
  return (profile) => {
    const { plan, results } = schedule(profile, work.packed);
    return {
      recipe,
      input: { name: model.source.name, bytes: model.source.size },
      output: { bytes: layout.main.size },
      tensors: work.tensors,
      skipped,
      warnings: plan.warnings,
      plan,
      job: {
        layout,
        packed: work.packed,
        results,
        sources,
        budget: profile.memoryBudget,
        withFullScales: (ids) => planSafetensors(model, recipe, { ...options, fullScales: ids }),
      },
    };
  };
}

const castable: ReadonlySet<SafeDType> = new Set(["F32", "BF16"]);

function freshNames(tensors: readonly SafeTensor[]) {
  const taken = new Set(["__metadata__", ...tensors.map(({ name }) => name)]);
  return {
    fresh(wanted: string): string {
      let name = wanted;
      for (let n = 1; taken.has(name); n++) name = `${wanted}_${n}`;
      taken.add(name);
      return name;
    },
  };
}

type Names = ReturnType<typeof freshNames>;

interface Packing {
  readonly geometry: Geometry;
  readonly layout: CodeLayout;
  readonly encoding: Encoding;
  readonly codes: { readonly dtype: SafeDType; readonly shape: readonly number[] | undefined };
  readonly scaleShape: readonly number[] | undefined;
}

function packingOf(tensor: SafeTensor, format: ResolvedFormat): Packing {
  const { shape } = tensor;
  const elements = elementCount(shape);
  const rows = shape[0] ?? 1;
  const width = elements / rows;
  const { blockSize } = format;
  if (format.family === "dynamic") {
    throw new UsageError(`Format ${format.name} rewrites a graph, and a safetensors file has none.`, {
      hint: "Give int8 or uint8 for packed weights of 8 bits.",
    });
  }
  if (format.family === "table") {
    return {
      geometry: { kind: "blocked", outer: 1, dim: elements, inner: 1, blockSize },
      layout: "natural",
      encoding: tableEncoding(format.name === "fp4" ? "fp4" : "nf4"),
      codes: { dtype: "U8", shape: undefined },
      scaleShape: undefined,
    };
  }
  if (format.granularity === "block") {
    const geometry = { kind: "blocked", outer: rows, dim: width, inner: 1, blockSize } as const;
    const blocks = blocksPerRow(geometry);
    return {
      geometry,
      layout: "rows",
      encoding: blockOperatorEncoding(format),
      codes: { dtype: "U8", shape: [rows, (blocks * blockSize * format.bits) / 8] },
      scaleShape: [rows, blocks],
    };
  }
  const channel = format.granularity === "channel";
  return {
    geometry: { kind: "wide", outer: 1, channels: channel ? rows : 1, inner: channel ? width : elements },
    layout: "natural",
    encoding: dequantizeLinearEncoding(format),
    codes: format.bits === 8 ? { dtype: format.signed ? "I8" : "U8", shape } : { dtype: "U8", shape: undefined },
    scaleShape: channel ? [rows] : [],
  };
}

function packTensor(
  work: Work,
  tensor: SafeTensor,
  { format, fullScales }: { readonly format: ResolvedFormat; readonly fullScales: boolean },
  names: Names,
  sources: Map<string, OnnxTensor>,
): void {
  const weight = asWeight(tensor);
  if (!weight) return;
  const { encoding, geometry, layout, codes: codesAs, scaleShape } = packingOf(tensor, format);
  const half = encoding.kind === "affine" && !fullScales && (format.restAsHalf || tensor.dtype === "F16");
  const packed = pack(
    {
      names,
      narrowings: new Set(),
      fullScales,
      scaleType: half ? "f16" : "f32",
      sourceKey: () => register(sources, tensor.name, weight.holder.tensor),
    },
    {
      weight,
      geometry,
      layout,
      encoding,
      search: format.search,
      suffixes: { codes: ".codes", scales: ".scales", zeroPoints: ".zero_points" },
      withZeroPoints: encoding.kind === "affine" && encoding.scheme === "asymmetric",
    },
  );
  const { codes, scales, zeroPoints } = packed.parts;
  const add = (part: typeof codes, dtype: SafeDType, shape: readonly number[]): void => {
    work.written.push({
      name: part.tensor,
      dtype,
      shape,
      data: { kind: "pending", key: part.key, length: part.bytes },
    });
  };
  add(codes, codesAs.dtype, codesAs.shape ?? [codes.bytes]);
  if (scales) add(scales, half ? "F16" : "F32", scaleShape ?? [scales.bytes / 4]);
  if (zeroPoints) {
    const [rows = 1] = scaleShape ?? [];
    add(zeroPoints, "U8", layout === "rows" ? [rows, zeroPoints.bytes / rows] : [zeroPoints.bytes]);
  }
  const affine = encoding.kind === "affine" ? encoding : undefined;
  work.described[tensor.name] = {
    dtype: tensor.dtype,
    shape: tensor.shape,
    encoding: affine ? "affine" : format.name,
    ...(affine && { bits: affine.bits, signed: affine.signed, scheme: affine.scheme }),
    granularity: format.granularity,
    ...(format.granularity === "block" && { block: format.blockSize }),
    codes: codes.tensor,
    scales: scales?.tensor,
    ...(zeroPoints ? { zeroPoints: zeroPoints.tensor } : affine && { zeroPoint: middleOf(affine) }),
  };
  work.packed.push(packed);
  work.tensors.push(planned(tensor, format.name, packed));
}

const middleOf = ({ signed, bits }: { readonly signed: boolean; readonly bits: number }): number =>
  signed ? 0 : 2 ** (bits - 1);

function castTensor(work: Work, tensor: SafeTensor, sources: Map<string, OnnxTensor>): void {
  const onnx = asOnnxTensor(tensor);
  const cast = castOnDevice(onnx, tensor.name, register(sources, tensor.name, onnx)).packed;
  const packed: PackedWeight = { ...cast, sourceType: onnx.dataType === OnnxType.BFLOAT16 ? "bf16" : "f32" };
  const { key, bytes: length } = packed.parts.codes;
  work.written.push({ ...tensor, dtype: "F16", data: { kind: "pending", key, length } });
  work.packed.push(packed);
  work.tensors.push(planned(tensor, "fp16", packed));
}

const planned = (tensor: SafeTensor, format: string, packed: PackedWeight): PlannedTensor => ({
  name: tensor.name,
  op: "tensor",
  operator: "tensor",
  shape: tensor.shape,
  format,
  bytesBefore: byteLengthOf(dtypeOfSafe(tensor.dtype), elementCount(tensor.shape)),
  bytesAfter: partBytes(packed.parts),
  packed: [packed.id],
});
