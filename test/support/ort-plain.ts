// onnxruntime without its optimizations, so that every node runs as it is written. Optimized, its CPU provider
// turns weights behind DequantizeLinear into MatMulNBits with activations rounded to 8 bits.
import * as ort from "onnxruntime-node";
import { decodeHalf } from "../../src/base/half.ts";
import type { InputTensor, OutputTensor } from "../../src/evaluate/tensors.ts";

const typed = ({ dtype, data, dims }: InputTensor): ort.Tensor => {
  if (dtype === "i64") return new ort.Tensor("int64", BigInt64Array.from([...data].map(BigInt)), dims);
  if (dtype === "i32") return new ort.Tensor("int32", Int32Array.from(data), dims);
  if (dtype === "bool") return new ort.Tensor("bool", Uint8Array.from(data), dims);
  return new ort.Tensor("float32", Float32Array.from(data), dims);
};

/** Runs a model once on the CPU, node by node. */
export async function runPlainly(model: Uint8Array, feeds: readonly InputTensor[]): Promise<readonly OutputTensor[]> {
  const session = await ort.InferenceSession.create(model, { graphOptimizationLevel: "disabled", logSeverityLevel: 3 });
  try {
    const results = await session.run(Object.fromEntries(feeds.map((feed) => [feed.name, typed(feed)])));
    return Object.entries(results).map(([name, { data, dims, type }]) => ({
      name,
      dims,
      data:
        type === "float16" && data instanceof Uint16Array
          ? Float32Array.from(data, decodeHalf)
          : Float64Array.from(data as ArrayLike<number | bigint>, Number),
    }));
  } finally {
    await session.release();
  }
}
