// Small ONNX models for tests: shorthands over the IR, and their bytes.
import { seededRandom } from "../../src/base/random.ts";
import { encodeBfloat, encodeHalf } from "../../src/base/half.ts";
import { elementCount } from "../../src/base/dtypes.ts";
import type { InputTensor } from "../../src/evaluate/tensors.ts";
import { fromBytes, toMemory } from "../../src/formats/sources/memory.ts";
import { OnnxType, type Dim, type OnnxModel, type OnnxNode, type OnnxTensor } from "../../src/formats/onnx/ir.ts";
import { layoutOnnx } from "../../src/formats/onnx/layout.ts";
import { makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from "../../src/formats/onnx/make.ts";
import type { ByteSource } from "../../src/base/bytes.ts";
import { writeLayout } from "../../src/formats/onnx/write.ts";
import type { AttributeValue, OnnxAttribute } from "../../src/formats/onnx/ir.ts";

/** Attributes from plain values: integers as bigint, floats as number, lists alike. */
export type PlainAttributes = Readonly<
  Record<string, bigint | number | string | readonly bigint[] | readonly number[] | AttributeValue>
>;

const isNumbers = (value: readonly (bigint | number)[]): value is readonly number[] => typeof value[0] === "number";
const isList = (value: unknown): value is readonly bigint[] | readonly number[] => Array.isArray(value);

function attribute(name: string, value: PlainAttributes[string]): OnnxAttribute {
  if (typeof value === "bigint") return { name, value: { type: "int", value } };
  if (typeof value === "number") return { name, value: { type: "float", value } };
  if (typeof value === "string") return { name, value: { type: "string", value: new TextEncoder().encode(value) } };
  if (!isList(value)) return { name, value };
  return isNumbers(value)
    ? { name, value: { type: "floats", value } }
    : { name, value: { type: "ints", value: value as readonly bigint[] } };
}

/** A node named after its first output. */
export const op = (
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: PlainAttributes = {},
  domain = "",
): OnnxNode =>
  makeNode({
    opType,
    inputs,
    outputs,
    domain,
    name: `${outputs[0]}_node`,
    attributes: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
  });

export const floatTensor = (name: string, dims: readonly number[], values: Iterable<number>): OnnxTensor =>
  makeTensor(name, OnnxType.FLOAT, dims, new Uint8Array(Float32Array.from(values).buffer));

export const halfTensor = (name: string, dims: readonly number[], values: Iterable<number>): OnnxTensor =>
  makeTensor(name, OnnxType.FLOAT16, dims, new Uint8Array(Uint16Array.from(values, encodeHalf).buffer));

export const bfloatTensor = (name: string, dims: readonly number[], values: Iterable<number>): OnnxTensor =>
  makeTensor(name, OnnxType.BFLOAT16, dims, new Uint8Array(Uint16Array.from(values, encodeBfloat).buffer));

export const intTensor = (name: string, values: readonly number[], dims = [values.length]): OnnxTensor =>
  makeTensor(name, OnnxType.INT64, dims, new Uint8Array(BigInt64Array.from(values, BigInt).buffer));

/** Weights of unit variance, the same for the same name. */
export const randomTensor = (name: string, dims: readonly number[], scale = 1): OnnxTensor =>
  floatTensor(name, dims, seededRandom(1, name).normals(elementCount(dims), 0, scale));

export type Port = readonly [name: string, dims: readonly Dim[] | undefined, type?: number];

export interface SmallModel {
  /** Default 17. */
  readonly opset?: number;
  readonly ir?: number;
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly initializers?: readonly OnnxTensor[];
  readonly domains?: readonly string[];
}

const port = ([name, dims, type = OnnxType.FLOAT]: Port) => makeValueInfo(name, type, dims);

export const smallGraph = (parts: Pick<SmallModel, "nodes" | "inputs" | "outputs" | "initializers">) =>
  makeGraph({
    nodes: parts.nodes,
    inputs: parts.inputs.map(port),
    outputs: parts.outputs.map(port),
    initializers: parts.initializers ?? [],
  });

const irOf = (opset: number): number => (opset <= 9 ? 4 : opset <= 14 ? 7 : opset <= 20 ? 8 : 10);

export const smallModel = ({ opset = 17, ...parts }: SmallModel): OnnxModel =>
  makeModel({
    irVersion: parts.ir ?? irOf(opset),
    opsets: [{ domain: "", version: opset }, ...(parts.domains ?? []).map((domain) => ({ domain, version: 1 }))],
    graph: smallGraph(parts),
  });

/** The file of a model. */
export async function onnxBytes(model: OnnxModel): Promise<Uint8Array> {
  const sink = toMemory();
  await writeLayout(layoutOnnx(model), sink);
  await sink.commit();
  return sink.bytes();
}

export const onnxSource = async (model: OnnxModel, name = "small.onnx"): Promise<ByteSource> =>
  fromBytes(name, await onnxBytes(model));

/** A seeded normal input. */
export const floatInput = (name: string, dims: readonly number[], seed = 3): InputTensor => ({
  name,
  dtype: "f32",
  dims,
  data: seededRandom(seed, name).normals(elementCount(dims)),
});

/** The largest difference between two outputs, relative to the largest value of the first. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let [difference, largest] = [0, 1e-30];
  for (let i = 0; i < a.length; i++) {
    const [x = NaN, y = NaN] = [a[i], b[i]];
    const apart = Math.abs(x - y);
    if (!(apart <= difference)) difference = x === y || (Number.isNaN(x) && Number.isNaN(y)) ? difference : apart;
    largest = Math.max(largest, Math.abs(x));
  }
  return difference / largest;
}
