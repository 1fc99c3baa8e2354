// What a static plan must know of a model's float constants: biases and small operands whole, and of each weight the
// scale of every channel, which the bias shares. The device computes the scales again, by the same rule to the bit.
import type { OnnxModel, OnnxTensor } from "../../formats/onnx/ir.ts";
import { OnnxType } from "../../formats/onnx/ir.ts";
import { readTensorBytes } from "../../formats/onnx/tensor-data.ts";
import { elementCount } from "../../base/dtypes.ts";
import { constantTensor } from "../../model/scopes.ts";

/** Constants up to this size are held; larger ones are weights, and are read when they are asked for. */
const smallElements = 65536;

export interface FloatConstant {
  readonly tensor: OnnxTensor;
  readonly dims: readonly number[];
  /** Absent for large ones. */
  readonly values?: Float32Array;
}

/** The f32 constants of the main graph by name, behind initializers and Constant nodes. */
export type FloatConstants = ReadonlyMap<string, FloatConstant>;

export async function readFloatConstants(model: OnnxModel, signal?: AbortSignal): Promise<FloatConstants> {
  const found = new Map<string, FloatConstant>();
  const named: (readonly [string, OnnxTensor | undefined])[] = [
    ...model.graph.initializers.map((tensor) => [tensor.name, tensor] as const),
    ...model.graph.nodes.map((node) => [node.outputs[0] ?? "", constantTensor(node)] as const),
  ];
  const inputs = new Set(model.irVersion >= 4 ? model.graph.inputs.map(({ name }) => name) : []);
  for (const [name, tensor] of named) {
    // An initializer that is an input too is a default: callers may replace it.
    if (tensor?.dataType !== OnnxType.FLOAT || inputs.has(name)) continue;
    const small = elementCount(tensor.dims) <= smallElements;
    found.set(name, { tensor, dims: tensor.dims, ...(small ? { values: await readFloats(tensor, signal) } : {}) });
  }
  return found;
}

/** All elements of an f32 tensor. */
export async function readFloats(tensor: OnnxTensor, signal?: AbortSignal): Promise<Float32Array> {
  const bytes = await readTensorBytes(tensor, { maxBytes: 2 ** 31, ...(signal ? { signal } : {}) });
  return new Float32Array(bytes.slice().buffer);
}

/** The bytes of f32 values, little-endian as every platform here is. */
export const bytesOfFloats = (values: Float32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
