// What changed between operator set versions in ways that a node must follow: attributes that became inputs,
// defaults and meanings that moved, operators that were replaced. Versions that only added types or options
// need no entry. Source: the operator change log of onnx.ai.
import { getFloat, getInt, getInts, getFloats, getString, hasAttribute } from "../attributes.ts";
import type { OnnxAttribute, OnnxNode, OnnxTensor } from "../ir.ts";
import { OnnxType } from "../ir.ts";
import { makeAttributeInt, makeAttributeString, makeNode, makeTensor } from "../make.ts";

export interface AdaptContext {
  /** A name that nothing else has. */
  fresh(wanted: string): string;
  /** Adds a constant to the graph that holds the node; returns its name. */
  constant(tensor: OnnxTensor): string;
  /** Rank of a value where the file says it. */
  rankOf(name: string): number | undefined;
}

/** New nodes in the place of one, or why there are none. */
export type Adapted = readonly OnnxNode[] | { readonly refused: string };

export type Adapter = (node: OnnxNode, context: AdaptContext) => Adapted;

const without = (node: OnnxNode, ...names: string[]): readonly OnnxAttribute[] =>
  node.attributes.filter((a) => !names.includes(a.name));

/** The same node with other inputs or attributes; its own bytes no longer hold. */
function remade(
  node: OnnxNode,
  change: Partial<Pick<OnnxNode, "opType" | "inputs" | "outputs" | "attributes">>,
): OnnxNode {
  const { raw: _, ...rest } = node;
  return { ...rest, ...change };
}

function int64s(context: AdaptContext, node: OnnxNode, suffix: string, values: readonly number[]): string {
  const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
  const name = context.fresh(`${node.name || node.outputs[0] || node.opType}_${suffix}`);
  return context.constant(makeTensor(name, OnnxType.INT64, [values.length], bytes));
}

function floats(
  context: AdaptContext,
  node: OnnxNode,
  suffix: string,
  values: readonly number[],
  scalar: boolean,
): string {
  const bytes = new Uint8Array(Float32Array.from(values).buffer);
  const name = context.fresh(`${node.name || node.outputs[0] || node.opType}_${suffix}`);
  return context.constant(makeTensor(name, OnnxType.FLOAT, scalar ? [] : [values.length], bytes));
}

/** Pads the inputs so that `index` exists, and sets it. */
function withInput(inputs: readonly string[], index: number, name: string): string[] {
  const padded = [...inputs];
  while (padded.length <= index) padded.push("");
  padded[index] = name;
  return padded;
}

/** An attribute of integers that became an input. */
const integersToInput =
  (attribute: string, index: number): Adapter =>
  (node, context) => {
    const values = getInts(node, attribute);
    if (!values) return [node];
    const name = int64s(context, node, attribute, values);
    return [remade(node, { inputs: withInput(node.inputs, index, name), attributes: without(node, attribute) })];
  };

const clip11: Adapter = (node, context) => {
  let inputs: string[] = [...node.inputs];
  const [min, max] = [getFloat(node, "min"), getFloat(node, "max")];
  if (min !== undefined) inputs = withInput(inputs, 1, floats(context, node, "min", [min], true));
  if (max !== undefined) inputs = withInput(inputs, 2, floats(context, node, "max", [max], true));
  return [remade(node, { inputs, attributes: without(node, "min", "max") })];
};

const pad11: Adapter = (node, context) => {
  const pads = getInts(node, "pads");
  if (!pads) return { refused: "it has no pads" };
  const value = getFloat(node, "value", 0);
  let inputs = withInput(node.inputs, 1, int64s(context, node, "pads", pads));
  if (value !== 0) inputs = withInput(inputs, 2, floats(context, node, "value", [value], true));
  return [remade(node, { inputs, attributes: without(node, "pads", "value") })];
};

const slice10: Adapter = (node, context) => {
  const [starts, ends, axes] = ["starts", "ends", "axes"].map((name) => getInts(node, name));
  if (!starts || !ends) return { refused: "it has no starts or ends" };
  const inputs = [node.inputs[0] ?? "", int64s(context, node, "starts", starts), int64s(context, node, "ends", ends)];
  if (axes) inputs.push(int64s(context, node, "axes", axes));
  return [remade(node, { inputs, attributes: without(node, "starts", "ends", "axes") })];
};

const topK10: Adapter = (node, context) => {
  const k = getInt(node, "k");
  if (k === undefined) return { refused: "it has no k" };
  return [
    remade(node, { inputs: [node.inputs[0] ?? "", int64s(context, node, "k", [k])], attributes: without(node, "k") }),
  ];
};

/** Upsample 9: scales became an input; 7 had an attribute. */
const upsample9: Adapter = (node, context) => {
  const scales = getFloats(node, "scales");
  if (!scales) return [node];
  return [
    remade(node, {
      inputs: [node.inputs[0] ?? "", floats(context, node, "scales", scales, false)],
      attributes: without(node, "scales"),
    }),
  ];
};

const upsample10: Adapter = (node) => [remade(node, { opType: "Resize" })];

/** Resize 10 sampled asymmetrically and rounded down; from 11 on that must be said, and a region input comes first. */
const resize11: Adapter = (node) => {
  const [x = "", scales = ""] = node.inputs;
  const attributes = [...node.attributes, makeAttributeString("coordinate_transformation_mode", "asymmetric")];
  if (getString(node, "mode", "nearest") === "nearest") attributes.push(makeAttributeString("nearest_mode", "floor"));
  return [remade(node, { inputs: [x, "", scales], attributes })];
};

const resize13: Adapter = (node) =>
  getString(node, "coordinate_transformation_mode") === "tf_half_pixel_for_nn"
    ? { refused: "tf_half_pixel_for_nn was removed" }
    : [node];

const dropout12: Adapter = (node, context) => {
  const ratio = getFloat(node, "ratio");
  if (ratio === undefined) return [node];
  return [
    remade(node, {
      inputs: [node.inputs[0] ?? "", floats(context, node, "ratio", [ratio], true)],
      attributes: without(node, "ratio"),
    }),
  ];
};

/** Before 13 the axis cut the tensor into a matrix; from 13 on it is the one axis that is normalised. */
const softmax13: Adapter = (node, context) => {
  const [x = ""] = node.inputs;
  const [y = ""] = node.outputs;
  const axis = getInt(node, "axis", 1);
  const rank = context.rankOf(x) ?? context.rankOf(y);
  const last = [...without(node, "axis"), makeAttributeInt("axis", -1)];
  if (axis === -1 || (rank !== undefined && axis === rank - 1)) return [remade(node, { attributes: last })];
  const base = node.name || y;
  const [shape, flat, result] = ["shape", "flat", "flat_result"].map((part) => context.fresh(`${base}_${part}`));
  return [
    makeNode({ opType: "Shape", name: context.fresh(`${base}_shape_of`), inputs: [x], outputs: [shape ?? ""] }),
    makeNode({
      opType: "Flatten",
      name: context.fresh(`${base}_flatten`),
      inputs: [x],
      outputs: [flat ?? ""],
      attributes: [makeAttributeInt("axis", axis)],
    }),
    remade(node, { inputs: [flat ?? ""], outputs: [result ?? ""], attributes: last }),
    makeNode({
      opType: "Reshape",
      name: context.fresh(`${base}_reshape`),
      inputs: [result ?? "", shape ?? ""],
      outputs: [y],
    }),
  ];
};

/** For inference only the first output remains; training outputs have no counterpart. */
const batchNorm14: Adapter = (node) =>
  node.outputs.slice(1).some((name) => name !== "")
    ? { refused: "its training outputs changed their meaning" }
    : [
        remade(node, {
          outputs: node.outputs.slice(0, 1),
          attributes: without(node, "spatial", "is_test", "consumed_inputs"),
        }),
      ];

const batchNorm9: Adapter = (node) =>
  getInt(node, "spatial", 1) === 0
    ? { refused: "spatial = 0 was removed" }
    : [remade(node, { attributes: without(node, "spatial") })];

const scatter11: Adapter = (node) => [remade(node, { opType: "ScatterElements" })];

const roiAlign16: Adapter = (node) =>
  hasAttribute(node, "coordinate_transformation_mode")
    ? [node]
    : [
        remade(node, {
          attributes: [...node.attributes, makeAttributeString("coordinate_transformation_mode", "output_half_pixel")],
        }),
      ];

/** Without sizes, Split must say from 18 on how many parts there are. */
const split18: Adapter = (node) =>
  node.inputs[1] || hasAttribute(node, "num_outputs")
    ? [node]
    : [remade(node, { attributes: [...node.attributes, makeAttributeInt("num_outputs", node.outputs.length)] })];

const gridSample20: Adapter = (node) => {
  const renamed: Readonly<Record<string, string>> = { bilinear: "linear", bicubic: "cubic" };
  const mode = getString(node, "mode", "bilinear");
  return [remade(node, { attributes: [...without(node, "mode"), makeAttributeString("mode", renamed[mode] ?? mode)] })];
};

const dft20: Adapter = (node, context) => {
  const axis = getInt(node, "axis", 1);
  const bytes = new Uint8Array(BigInt64Array.of(BigInt(axis)).buffer);
  const name = context.constant(makeTensor(context.fresh(`${node.name || "dft"}_axis`), OnnxType.INT64, [], bytes));
  return [remade(node, { inputs: withInput(node.inputs, 2, name), attributes: without(node, "axis") })];
};

const groupNorm21: Adapter = () => ({ refused: "its scale and bias changed from one a group to one a channel" });
const scan9: Adapter = () => ({ refused: "its batch axis was removed" });

const reduces = ["L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "SumSquare"];

/** Adapters by the version that made them necessary, then by operator. */
export const adapters: ReadonlyMap<number, Readonly<Record<string, Adapter>>> = new Map([
  [9, { BatchNormalization: batchNorm9, Upsample: upsample9, Scan: scan9 }],
  [10, { Slice: slice10, TopK: topK10, Upsample: upsample10 }],
  [11, { Clip: clip11, Pad: pad11, Resize: resize11, Scatter: scatter11 }],
  [12, { Dropout: dropout12 }],
  [
    13,
    {
      Softmax: softmax13,
      LogSoftmax: softmax13,
      Hardmax: softmax13,
      Squeeze: integersToInput("axes", 1),
      Unsqueeze: integersToInput("axes", 1),
      ReduceSum: integersToInput("axes", 1),
      Split: integersToInput("split", 1),
      Resize: resize13,
    },
  ],
  [14, { BatchNormalization: batchNorm14 }],
  [16, { RoiAlign: roiAlign16 }],
  [18, { Split: split18, ...Object.fromEntries(reduces.map((kind) => [`Reduce${kind}`, integersToInput("axes", 1)])) }],
  [20, { GridSample: gridSample20, DFT: dft20 }],
  [21, { GroupNormalization: groupNorm21 }],
]);
