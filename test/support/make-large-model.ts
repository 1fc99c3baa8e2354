// A model too large for memory, with external data: transformer-like layers of seeded weights, streamed to disk.
import { join } from "node:path";
import { writeSyntheticModel } from "../../src/bench/synthetic-model.ts";

export interface LargeModel {
  readonly path: string;
  /** Bytes of all weights. */
  readonly weightBytes: number;
}

/** Writes `large.onnx` and `large.onnx_data` of at least `bytes` of f32 weights into a folder. */
export async function makeLargeModel(folder: string, bytes: number): Promise<LargeModel> {
  const path = join(folder, "large.onnx");
  // From 1 GB on one matrix alone is larger than a binding or a small budget.
  const width = bytes >= 2 ** 30 ? 4096 : 512;
  const weightBytes = await writeSyntheticModel(path, { bytes, width, externalDataFile: "large.onnx_data" });
  return { path, weightBytes };
}
