// ONNX's own node tests (Debian: libonnx-testdata): one-operator models with inputs and expected outputs.
import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { readOnnx } from "../../src/formats/onnx/read.ts";
import type { OnnxModel, OnnxTensor } from "../../src/formats/onnx/ir.ts";
import { readTensorBytes } from "../../src/formats/onnx/tensor-data.ts";
import { fromBytes } from "../../src/formats/sources/memory.ts";
import { decodeTensor } from "../../src/graph/host/decode.ts";
import type { HostTensor } from "../../src/graph/values.ts";

const folder = join(process.env["WGSLIM_ONNX_TESTDATA"] ?? "/usr/share/libonnx-testdata", "data/node");

/** Names of all vectors; none where the package is not installed. */
export const nodeVectors: readonly string[] = existsSync(folder) ? readdirSync(folder).toSorted() : [];

export interface NodeVector {
  readonly model: OnnxModel;
  /** Undefined for what is no tensor of numbers. */
  readonly inputs: readonly (HostTensor | undefined)[];
  readonly outputs: readonly (HostTensor | undefined)[];
}

const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]);

/** A TensorProto by itself, read as the initializer of an empty model. */
async function readTensor(path: string): Promise<HostTensor | undefined> {
  const bytes = await readFile(path);
  const graph = Buffer.concat([Buffer.from([0x2a, ...varint(bytes.length)]), bytes]);
  const model = Buffer.concat([Buffer.from([8, 8, 58, ...varint(graph.length)]), graph]);
  const read = await readOnnx(fromBytes(path, new Uint8Array(model))).catch(() => undefined);
  const tensor: OnnxTensor | undefined = read?.graph.initializers[0];
  if (!tensor || tensor.data.kind === "strings") return undefined;
  return decodeTensor(tensor, await readTensorBytes(tensor));
}

export async function readNodeVector(name: string): Promise<NodeVector> {
  const at = join(folder, name);
  const model = await readOnnx(fromBytes(name, new Uint8Array(await readFile(join(at, "model.onnx")))));
  const set = join(at, "test_data_set_0");
  const files = readdirSync(set);
  const load = async (kind: string): Promise<(HostTensor | undefined)[]> => {
    const count = files.filter((file) => file.startsWith(`${kind}_`)).length;
    return await Promise.all(Array.from({ length: count }, (_, i) => readTensor(join(set, `${kind}_${i}.pb`))));
  };
  return { model, inputs: await load("input"), outputs: await load("output") };
}
