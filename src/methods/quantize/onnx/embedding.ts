// Embedding tables that Gather reads by row: 4 bits to GatherBlockQuantized (com.microsoft), 8 bits per row to
// Gather on the codes, Cast and Mul by the gathered scales, so that only the rows looked up are dequantized.
import { OnnxType, type OnnxNode, type OnnxTensor } from "../../../formats/onnx/ir.ts";
import { blocksPerRow, type BlockedGeometry } from "../../../kernels/quantize/geometry.ts";
import { pathKey } from "../../../model/scopes.ts";
import type { Weight } from "../../../model/weights.ts";
import { blockOperatorEncoding, dequantizeLinearEncoding, type ResolvedFormat } from "../formats.ts";
import type { GraphEdit } from "./edits.ts";
import { node, pack, pendingTensor, scaleOnnxType, toSeenType, type Rewrite, type RewriteContext } from "./rewrite.ts";

/** True when the weight is a [rows, width] table that is read by whole rows only. */
export function isRowTable(weight: Weight): boolean {
  return (
    weight.dims.length === 2 &&
    !weight.sharedOtherwise &&
    weight.uses.every(({ node: n, inputIndex }) => {
      const axis = n.attributes.find((a) => a.name === "axis")?.value;
      return (
        n.opType === "Gather" && n.domain === "" && inputIndex === 0 && (axis?.type !== "int" || axis.value === 0n)
      );
    })
  );
}

export function fitsGatherBlockQuantized(weight: Weight, format: Pick<ResolvedFormat, "bits" | "blockSize">): boolean {
  const width = weight.dims[1] ?? 0;
  return format.bits === 4 && isRowTable(weight) && width >= format.blockSize && width % format.blockSize === 0;
}

/** Rewrites a table to GatherBlockQuantized with 4-bit codes in uint8. */
export function rewriteGatherBlockQuantized(context: RewriteContext, weight: Weight, format: ResolvedFormat): Rewrite {
  const [rows = 0, width = 0] = weight.dims;
  const encoding = blockOperatorEncoding(format);
  const geometry: BlockedGeometry = { kind: "blocked", outer: rows, dim: width, inner: 1, blockSize: format.blockSize };
  const packed = pack(context, {
    weight,
    geometry,
    layout: "rows",
    encoding,
    search: format.search,
    withZeroPoints: !format.symmetric,
  });
  const blocks = blocksPerRow(geometry);
  const { codes, scales, zeroPoints } = packed.parts;
  const initializers: OnnxTensor[] = [
    pendingTensor(codes.tensor, OnnxType.UINT8, [rows, (width * encoding.bits) / 8], codes),
  ];
  if (scales) initializers.push(pendingTensor(scales.tensor, scaleOnnxType(packed.scaleType), [rows, blocks], scales));
  if (zeroPoints) {
    initializers.push(pendingTensor(zeroPoints.tensor, OnnxType.UINT8, [rows, zeroPoints.bytes / rows], zeroPoints));
  }
  const attributes = {
    bits: BigInt(encoding.bits),
    block_size: BigInt(format.blockSize),
    gather_axis: 0n,
    quantize_axis: 1n,
  };
  const edits = replaceGathers(
    weight,
    initializers,
    (old, output, name) => {
      const [table = "", ...rest] = initializers.map((t) => t.name);
      const inputs = [table, old.inputs[1] ?? "", ...rest];
      return toSeenType(context, { weight }, output, (made) => [
        node("GatherBlockQuantized", name, inputs, [made], attributes, "com.microsoft"),
      ]);
    },
    context,
  );
  return { packed: [packed], edits, requires: { domains: ["com.microsoft"] }, op: "GatherBlockQuantized" };
}

export const fitsGatherRows = (weight: Weight, format: ResolvedFormat): boolean =>
  format.bits === 8 && format.signed && format.symmetric && format.granularity === "channel" && isRowTable(weight);

/** Rewrites a table to Gather on int8 codes, Cast and Mul; one scale a row. */
export function rewriteGatherRows(context: RewriteContext, weight: Weight, format: ResolvedFormat): Rewrite {
  const [rows = 0, width = 0] = weight.dims;
  const packed = pack(context, {
    weight,
    geometry: { kind: "wide", outer: 1, channels: rows, inner: width },
    layout: "natural",
    encoding: dequantizeLinearEncoding(format),
    search: format.search,
    withZeroPoints: false,
  });
  const { codes, scales } = packed.parts;
  const floatType = scaleOnnxType(packed.scaleType);
  const initializers: OnnxTensor[] = [pendingTensor(codes.tensor, OnnxType.INT8, [rows, width], codes)];
  if (scales) initializers.push(pendingTensor(scales.tensor, floatType, [rows, 1], scales));
  const edits = replaceGathers(
    weight,
    initializers,
    (old, output, name) => {
      const indices = old.inputs[1] ?? "";
      const value = (suffix: string) => context.names.fresh(`${name}_${suffix}`);
      const [gathered, cast, scale] = [value("codes"), value("float"), value("scales")];
      return toSeenType(context, { weight }, output, (made) => [
        node("Gather", value("gather_codes"), [codes.tensor, indices], [gathered]),
        node("Cast", value("cast"), [gathered], [cast], { to: BigInt(floatType) }),
        node("Gather", value("gather_scales"), [scales?.tensor ?? "", indices], [scale]),
        node("Mul", name, [cast, scale], [made]),
      ]);
    },
    context,
  );
  // Mul broadcasts from version 7 on.
  return { packed: [packed], edits, requires: { opset: 7 }, op: "Gather" };
}

function replaceGathers(
  weight: Weight,
  initializers: readonly OnnxTensor[],
  nodesFor: (old: OnnxNode, output: string, name: string) => OnnxNode[],
  context: RewriteContext,
): GraphEdit[] {
  const seen = new Set<string>();
  const uses = weight.uses.filter(({ path, nodeIndex }) => {
    const key = `${pathKey(path)}#${nodeIndex}`;
    return seen.has(key) ? false : seen.add(key);
  });
  return [
    { kind: "dropConstant", holder: weight.holder },
    { kind: "addInitializers", path: weight.holder.path, tensors: initializers },
    ...uses.map(({ path, nodeIndex, node: old }): GraphEdit => {
      const output = old.outputs[0] ?? "";
      const name = context.names.fresh(`${old.name || output}_quantized`);
      return { kind: "replaceNode", path, node: nodeIndex, nodes: nodesFor(old, output, name) };
    }),
  ];
}
