// Writes ONNX models of any size with seeded weights: a chain of MatMul layers, shaped like the blocks of a
// transformer. Streams, so that a model of many gigabytes takes the memory of one chunk.
import { fromFile, toFile } from "../node-files.ts";
import type { ByteSink } from "../base/bytes.ts";
import { seededRandom } from "../base/random.ts";
import { makeNode, makeTensor } from "../formats/onnx/make.ts";
import { layoutOnnx } from "../formats/onnx/layout.ts";
import { OnnxType, type OnnxModel, type ValueInfo } from "../formats/onnx/ir.ts";
import { writeLayout, type PendingTarget } from "../formats/onnx/write.ts";

export interface SyntheticModel {
  /** Bytes of weights at least. */
  readonly bytes: number;
  /** Width of the residual stream; the inner layers are four times as wide. */
  readonly width: number;
  readonly seed?: number;
  /** Write the weights to this file beside the model. */
  readonly externalDataFile?: string;
}

/** Weights are cut from this many seeded normals, at changing places and scales: drawing all anew takes minutes. */
const poolSize = 2 ** 20;

/**
 * Writes a model to `path`.
 * @returns bytes of all its weights
 */
export async function writeSyntheticModel(path: string, options: SyntheticModel): Promise<number> {
  const { bytes, width, seed = 1, externalDataFile } = options;
  const shapes: [number, number][] = [];
  const perBlock = [
    [width, width],
    [width, width],
    [width, width],
    [width, width],
    [width, 4 * width],
    [4 * width, width],
  ] as const;
  let total = 0;
  while (total < bytes) {
    for (const [k, n] of perBlock) {
      shapes.push([k, n]);
      total += k * n * 4;
    }
  }
  const layout = layoutOnnx(
    modelOf(shapes, width),
    externalDataFile === undefined ? {} : { externalData: { fileName: externalDataFile } },
  );
  const sink = await toFile(path, { force: true });
  try {
    const targets = await writeLayout(layout, sink);
    const random = seededRandom(seed);
    const pool = random.normals(poolSize, 0, 1);
    for (const target of targets.values())
      await fillWeights(target, pool, random.int(0, poolSize / 2), random.uniform(0.01, 0.04));
    await sink.commit();
  } catch (error) {
    await sink.discard();
    throw error;
  }
  return total;
}

function modelOf(shapes: readonly (readonly [number, number])[], width: number): OnnxModel {
  const value = (name: string): ValueInfo => ({ name, tensor: { dataType: OnnxType.FLOAT, dims: ["tokens", width] } });
  const names = shapes.map((_, index) => `layer${index}`);
  return {
    irVersion: 9,
    opsets: [{ domain: "", version: 17 }],
    producerName: "wgslim synthetic model",
    metadata: [],
    graph: {
      name: "chain",
      nodes: names.map((name, index) =>
        makeNode({
          name,
          opType: "MatMul",
          inputs: [index === 0 ? "x" : `h${index}`, `${name}.weight`],
          outputs: [index === names.length - 1 ? "y" : `h${index + 1}`],
        }),
      ),
      initializers: shapes.map((dims, index) =>
        makeTensor(`layer${index}.weight`, OnnxType.FLOAT, dims, {
          kind: "pending",
          key: `layer${index}`,
          length: dims[0] * dims[1] * 4,
        }),
      ),
      inputs: [value("x")],
      outputs: [value("y")],
      valueInfo: [],
    },
  };
}

async function fillWeights(target: PendingTarget, pool: Float32Array, from: number, scale: number): Promise<void> {
  const values = new Float32Array(pool.length / 2);
  const bytes = new Uint8Array(values.buffer);
  for (let at = 0; at < target.length; at += bytes.length) {
    // The stretch of the pool wanders, so that no two chunks of a tensor are alike.
    const start = (from + (at / bytes.length) * 4099) % (pool.length / 2);
    for (let i = 0; i < values.length; i++) values[i] = (pool[start + i] ?? 0) * scale;
    await writeAll(target.sink, target.offset + at, bytes.subarray(0, Math.min(bytes.length, target.length - at)));
  }
}

const writeAll = (sink: ByteSink, offset: number, bytes: Uint8Array): Promise<void> => sink.writeAt(offset, bytes);

/** Reads a file through, as a baseline for pipelines. @returns bytes read */
export async function readThrough(path: string, windowBytes = 4 * 2 ** 20): Promise<number> {
  const source = await fromFile(path);
  try {
    for (let at = 0; at < source.size; at += windowBytes) {
      await source.read(at, Math.min(windowBytes, source.size - at));
    }
    return source.size;
  } finally {
    await source.close?.();
  }
}
