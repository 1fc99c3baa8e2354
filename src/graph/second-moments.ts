// X^T X of values while a graph runs, made on the device: one product beside each value, whose channels lie along the
// last axis.
import { batchedMatmulCall } from "../kernels/matmul/batched.ts";
import { OnnxType } from "../formats/onnx/ir.ts";
import type { HookOutput, LoweringHooks } from "./hooks.ts";
import { isFloatType, sizeOf, type Value } from "./values.ts";

/** Name of the output that holds a tensor's second moments, [channels, channels]. */
export const momentsName = (tensor: string): string => `gram:${tensor}`;

/** A hook that reads the named values, and gives their second moments. Serves one lowering. */
export function secondMoments(tensors: ReadonlySet<string>): LoweringHooks {
  const found = new Map<string, Value>();
  return {
    value(_, value, { tensor, role }) {
      if ((role !== "output" && role !== "input") || !tensors.has(tensor)) return undefined;
      if (!isFloatType(value.type) || value.host || value.tensor || sizeOf(value.dims) === 0) return undefined;
      found.set(tensor, value);
      return value;
    },
    outputs: (b) =>
      [...found].map(([tensor, value]): HookOutput => {
        const channels = value.dims.at(-1) ?? 1;
        const rows = sizeOf(value.dims) / channels;
        const moments = b.temp(OnnxType.FLOAT, [channels, channels], momentsName(tensor));
        const shape = { m: channels, n: channels, k: rows, transA: true };
        b.emit(batchedMatmulCall(shape, b.target), [value, value, b.none(), moments]);
        return { name: momentsName(tensor), value: moments };
      }),
  };
}
