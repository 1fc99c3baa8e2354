// What changed between operator set versions in ways that a node must follow: attributes that became inputs,
// defaults and meanings that moved, operators that were replaced. Versions that only added types or options
// need no entry. Source: the operator change log of onnx.ai, and onnxruntime where older text leaves a choice.
import { encodeHalf } from "../../../base/half.ts";
import { getFloat, getInt, getInts, getFloats, getString, hasAttribute } from "../attributes.ts";
import type { OnnxAttribute, OnnxNode, OnnxTensor } from "../ir.ts";
import { OnnxType } from "../ir.ts";
import { makeAttributeInt, makeAttributeString, makeNode, makeTensor } from "../make.ts";

export interface AdaptContext {
  /** A name that nothing else has. */
  fresh(wanted: string): string;
  /** Adds a constant to the graph that holds the node; returns its name. */
  constant(tensor: OnnxTensor): string;
  /** Rank of a value where it is known. */
  rankOf(name: string): number | undefined;
  /** Element type of a float value; FLOAT where the file does not say. */
  floatTypeOf(name: string): number;
  /** The tensor behind a name, where that is a constant. */
  constantOf(name: string): OnnxTensor | undefined;
  /** Whether any node or graph output reads the value. */
  isUsed(name: string): boolean;
  warn(text: string): void;
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

function floats(context: AdaptContext, node: OnnxNode, suffix: string, values: readonly number[]): string {
  const bytes = new Uint8Array(Float32Array.from(values).buffer);
  const name = context.fresh(`${node.name || node.outputs[0] || node.opType}_${suffix}`);
  return context.constant(makeTensor(name, OnnxType.FLOAT, [values.length], bytes));
}

/** A scalar of the element type of the node's data. */
function scalarLike(context: AdaptContext, node: OnnxNode, suffix: string, value: number): string {
  const type = context.floatTypeOf(node.inputs[0] ?? "");
  const array =
    type === OnnxType.FLOAT16
      ? Uint16Array.of(encodeHalf(value))
      : type === OnnxType.DOUBLE
        ? Float64Array.of(value)
        : Float32Array.of(value);
  const name = context.fresh(`${node.name || node.outputs[0] || node.opType}_${suffix}`);
  const known = type === OnnxType.FLOAT16 || type === OnnxType.DOUBLE ? type : OnnxType.FLOAT;
  return context.constant(makeTensor(name, known, [], new Uint8Array(array.buffer)));
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
  if (min !== undefined) inputs = withInput(inputs, 1, scalarLike(context, node, "min", min));
  if (max !== undefined) inputs = withInput(inputs, 2, scalarLike(context, node, "max", max));
  return [remade(node, { inputs, attributes: without(node, "min", "max") })];
};

const pad11: Adapter = (node, context) => {
  const pads = getInts(node, "pads");
  if (!pads) return { refused: "it has no pads" };
  const value = getFloat(node, "value", 0);
  let inputs = withInput(node.inputs, 1, int64s(context, node, "pads", pads));
  if (value !== 0) inputs = withInput(inputs, 2, scalarLike(context, node, "value", value));
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
      inputs: [node.inputs[0] ?? "", floats(context, node, "scales", scales)],
      attributes: without(node, "scales"),
    }),
  ];
};

const upsample10: Adapter = (node) => [remade(node, { opType: "Resize" })];

/**
 * Resize 10 sampled asymmetrically, and from 11 on that must be said, after an input for regions. How its
 * "nearest" rounded was left open: onnxruntime takes the lower neighbour where it enlarges, the upper one
 * where it shrinks.
 */
const resize11: Adapter = (node, context) => {
  const [x = "", scales = ""] = node.inputs;
  const attributes = [...node.attributes, makeAttributeString("coordinate_transformation_mode", "asymmetric")];
  if (getString(node, "mode", "nearest") === "nearest") {
    const factors = floatsOf(context.constantOf(scales));
    const [grows, shrinks] = [factors?.some((by) => by > 1), factors?.some((by) => by < 1)];
    if (grows && shrinks) return { refused: "it enlarges and shrinks at once, and rounded differently for each" };
    if (!factors) {
      context.warn(`Resize "${node.name || node.outputs[0]}": its scales are computed; taken to enlarge.`);
    }
    attributes.push(makeAttributeString("nearest_mode", shrinks ? "ceil" : "floor"));
  }
  return [remade(node, { inputs: [x, noRegion(node, context), scales], attributes })];
};

/** Version 11 demands the input for regions, empty where none are cut. */
const noRegion = (node: OnnxNode, context: AdaptContext): string =>
  context.constant(makeTensor(context.fresh(`${node.name || "resize"}_roi`), OnnxType.FLOAT, [0], new Uint8Array(0)));

function floatsOf(tensor: OnnxTensor | undefined): readonly number[] | undefined {
  if (tensor?.dataType !== OnnxType.FLOAT || tensor.data.kind !== "bytes") return undefined;
  return [...new Float32Array(tensor.data.bytes.slice().buffer)];
}

const resize13: Adapter = (node) =>
  getString(node, "coordinate_transformation_mode") === "tf_half_pixel_for_nn"
    ? { refused: "tf_half_pixel_for_nn was removed" }
    : [node];

/** The mask was of the data's type before 10, a boolean from then on. */
const dropout10: Adapter = (node, context) => {
  const mask = node.outputs[1] ?? "";
  if (mask === "") return [node];
  if (context.isUsed(mask)) return { refused: "its mask became a boolean" };
  return [remade(node, { outputs: node.outputs.slice(0, 1) })];
};

const dropout12: Adapter = (node, context) => {
  const ratio = getFloat(node, "ratio");
  if (ratio === undefined) return [node];
  return [
    remade(node, {
      inputs: [node.inputs[0] ?? "", scalarLike(context, node, "ratio", ratio)],
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
const batchNorm14: Adapter = (node, context) =>
  node.outputs.slice(1).some((name) => name !== "" && context.isUsed(name))
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

/**
 * Scale and bias were one a group before 21 and are one a channel from then on: [G] to [G, 1], repeated to
 * [G, channels / G], flattened. The number of channels is taken from the data at run time.
 */
const groupNorm21: Adapter = (node, context) => {
  const [x = "", ...factors] = node.inputs;
  const groups = getInt(node, "num_groups");
  if (groups === undefined) return { refused: "it has no num_groups" };
  const base = node.name || node.outputs[0] || "group_norm";
  const nodes: OnnxNode[] = [];
  const step = (
    opType: string,
    inputs: readonly string[],
    suffix: string,
    attributes: OnnxAttribute[] = [],
  ): string => {
    const output = context.fresh(`${base}_${suffix}`);
    nodes.push(makeNode({ opType, name: context.fresh(`${output}_node`), inputs, outputs: [output], attributes }));
    return output;
  };
  const channels = step("Shape", [x], "channels", [makeAttributeInt("start", 1), makeAttributeInt("end", 2)]);
  const count = int64s(context, node, "groups", [groups]);
  const each = step("Div", [channels, count], "group_size");
  const repeated = step("Concat", [count, each], "factors_shape", [makeAttributeInt("axis", 0)]);
  const [column, flat] = [int64s(context, node, "column", [-1, 1]), int64s(context, node, "flat", [-1])];
  const inputs = factors.map((factor, i) => {
    const name = i === 0 ? "scale" : "bias";
    const shaped = step("Reshape", [factor, column], `${name}_column`);
    return step("Reshape", [step("Expand", [shaped, repeated], `${name}_repeated`), flat], `${name}_channels`);
  });
  return [...nodes, remade(node, { inputs: [x, ...inputs] })];
};

const scan9: Adapter = () => ({ refused: "its batch axis was removed" });

const reduces = ["L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "SumSquare"];

/** Adapters by the version that made them necessary, then by operator. */
export const adapters: ReadonlyMap<number, Readonly<Record<string, Adapter>>> = new Map([
  [9, { BatchNormalization: batchNorm9, Upsample: upsample9, Scan: scan9 }],
  [10, { Dropout: dropout10, Slice: slice10, TopK: topK10, Upsample: upsample10 }],
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
