// Reference of matmul/packed-dot: sums of products of elements, exact in doubles.
import type { KernelReference } from "../kernel.ts";
import { activate, activationOf } from "../nn/activation.ts";
import { asF32, getCode } from "../quantize/shape.ts";
import { packedElements, perWord } from "./packed-dot.ts";

export const packedDotReference: KernelReference = (params, [a, aScales, w, wScales, biases, y]) => {
  if (!a || !w || !y) return;
  const { m = 0, n = 0, k = 0, words = 0, op = 0 } = params;
  const element = packedElements[op] ?? "int8";
  const bits = 32 / perWord[element];
  const valueAt = (bytes: Uint8Array, row: number, i: number): number => {
    const code = getCode(bytes, row * words * perWord[element] + i, bits);
    if (element === "sign") return code === 1 ? 1 : -1;
    return code >= 128 ? code - 256 : code;
  };
  const rule = activationOf(params["activation"] ?? 0, params["act_a"] ?? 0, params["act_b"] ?? 0);
  const [left, right, bias] = [aScales, wScales, biases].map((bytes) => asF32(bytes));
  const out = new DataView(y.buffer, y.byteOffset, y.length);
  for (let row = 0; row < m; row++) {
    for (let col = 0; col < n; col++) {
      let sum = 0;
      for (let i = 0; i < k; i++) sum += valueAt(a, row, i) * valueAt(w, col, i);
      const at = 4 * (row * n + col);
      if (params["raw"]) {
        out.setInt32(at, sum, true);
        continue;
      }
      const scaled = sum * (left?.[row] ?? 0) * (right?.[col] ?? 0) + (params["has_bias"] ? (bias?.[col] ?? 0) : 0);
      out.setFloat32(at, activate(scaled, rule), true);
    }
  }
};
