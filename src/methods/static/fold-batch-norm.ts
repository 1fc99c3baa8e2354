// Folds batch normalizations into the convolutions before them. In float the runtime does that itself when it loads a
// model; behind a packed weight it no longer can, and an integer convolution followed by a float normalization would
// gain nothing. Channels of unlike size are then what scales per channel are for.
import { getFloat, getInt } from "../../formats/onnx/attributes.ts";
import { OnnxType, type OnnxModel, type OnnxNode, type OnnxTensor } from "../../formats/onnx/ir.ts";
import { makeTensor } from "../../formats/onnx/make.ts";
import { collectScopes, NameSpace, usedNames } from "../../model/scopes.ts";
import { bytesOfFloats, readFloatConstants, readFloats, type FloatConstants } from "./constants.ts";

/**
 * The same model with every batch normalization that directly follows a convolution folded into it.
 * @throws IoError, AbortedError from the source
 */
export async function foldBatchNorms(model: OnnxModel, signal?: AbortSignal): Promise<OnnxModel> {
  const { graph } = model;
  const constants = await readFloatConstants(model, signal);
  const names = new NameSpace(collectScopes(model));
  const readers = countReaders(model);
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const folded = new Map<OnnxNode, readonly OnnxNode[]>();
  const added: OnnxTensor[] = [];
  for (const norm of graph.nodes) {
    const conv = producers.get(norm.inputs[0] ?? "");
    if (!conv || !isFoldable(conv, norm, constants, readers)) continue;
    const { weight, bias } = await foldedConstants(conv, norm, constants, signal);
    const base = conv.inputs[1] ?? "weight";
    const tensors = [
      makeTensor(names.fresh(`${base}_folded`), OnnxType.FLOAT, weight.dims, bytesOfFloats(weight.values)),
      makeTensor(names.fresh(`${base}_folded_bias`), OnnxType.FLOAT, [bias.length], bytesOfFloats(bias)),
    ];
    added.push(...tensors);
    const { raw: _, ...rest } = conv;
    const inputs = [conv.inputs[0] ?? "", ...tensors.map(({ name }) => name)];
    folded.set(conv, [{ ...rest, inputs, outputs: norm.outputs.slice(0, 1) }]);
    folded.set(norm, []);
  }
  if (folded.size === 0) return model;
  const nodes = graph.nodes.flatMap((node) => folded.get(node) ?? [node]);
  const used = usedNames(nodes, graph.outputs);
  return {
    ...model,
    graph: {
      ...graph,
      nodes: nodes.filter((node) => node.opType !== "Constant" || node.outputs.some((name) => used.has(name))),
      initializers: [...graph.initializers.filter(({ name }) => used.has(name)), ...added],
      inputs: graph.inputs.filter(({ name }) => used.has(name) || !constants.has(name)),
    },
  };
}

/** How often each name is read, by nodes of all graphs and as outputs. */
function countReaders(model: OnnxModel): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { graph } of collectScopes(model)) {
    const names = [...graph.nodes.flatMap(({ inputs }) => inputs), ...graph.outputs.map(({ name }) => name)];
    for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

function isFoldable(
  conv: OnnxNode,
  norm: OnnxNode,
  constants: FloatConstants,
  readers: ReadonlyMap<string, number>,
): boolean {
  const isOnce = (name: string | undefined): boolean => name !== undefined && readers.get(name) === 1;
  if (norm.opType !== "BatchNormalization" || norm.domain !== "" || conv.opType !== "Conv" || conv.domain !== "") {
    return false;
  }
  if (norm.outputs.filter((name) => name !== "").length > 1 || getInt(norm, "training_mode", 0) !== 0) return false;
  const bias = conv.inputs[2];
  return (
    isOnce(conv.outputs[0]) &&
    isOnce(conv.inputs[1]) &&
    constants.has(conv.inputs[1] ?? "") &&
    (!bias || constants.get(bias)?.values !== undefined) &&
    norm.inputs.slice(1, 5).every((name) => constants.get(name)?.values !== undefined)
  );
}

async function foldedConstants(conv: OnnxNode, norm: OnnxNode, constants: FloatConstants, signal?: AbortSignal) {
  const vector = (name: string | undefined): Float32Array | undefined => constants.get(name ?? "")?.values;
  const [gamma, beta, mean, variance] = [1, 2, 3, 4].map((at) => vector(norm.inputs[at]));
  const held = constants.get(conv.inputs[1] ?? "");
  const source = held ? await readFloats(held.tensor, signal) : new Float32Array();
  const dims = held?.dims ?? [];
  const channels = dims[0] ?? 1;
  const row = source.length / channels;
  const values = new Float32Array(source.length);
  const bias = new Float32Array(channels);
  const before = vector(conv.inputs[2]);
  const epsilon = getFloat(norm, "epsilon", 1e-5);
  for (let c = 0; c < channels; c++) {
    const factor = (gamma?.[c] ?? 1) / Math.sqrt((variance?.[c] ?? 1) + epsilon);
    bias[c] = (beta?.[c] ?? 0) + ((before?.[c] ?? 0) - (mean?.[c] ?? 0)) * factor;
    for (let i = c * row; i < (c + 1) * row; i++) values[i] = (source[i] ?? 0) * factor;
  }
  return { weight: { dims, values }, bias };
}
