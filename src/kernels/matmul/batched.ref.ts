// Reference of matmul/batched: each element as a sum in doubles, rounded to f32 once.
import type { KernelReference } from "../kernel.ts";
import { activate, activationOf } from "../nn/activation.ts";
import { asF32 } from "../quantize/shape.ts";

export const batchedMatmulReference: KernelReference = (params, buffers) => {
  const [a, b, bias, y] = buffers.map((buffer) => asF32(buffer));
  if (!a || !b || !bias || !y) return;
  const { m = 0, n = 0, k = 0, batch = 0, a_line = 0, b_line = 0, y_line = 0, alpha = 1, beta = 1 } = params;
  const { activation = 0, act_a = 0, act_b = 0, bias_row = 0, bias_col = 0, dim1 = 1, dim2 = 1, dim3 = 1 } = params;
  const rule = activationOf(activation, act_a, act_b);
  const start = (name: string, entry: number): number => {
    const index = [Math.floor(entry / (dim1 * dim2 * dim3)), Math.floor(entry / (dim2 * dim3)) % dim1];
    index.push(Math.floor(entry / dim3) % dim2, entry % dim3);
    return index.reduce((sum, i, dim) => sum + i * (params[`${name}_stride${dim}`] ?? 0), 0);
  };
  for (let entry = 0; entry < batch; entry++) {
    const [a0, b0, y0, c0] = [start("a", entry), start("b", entry), start("y", entry), start("bias", entry)];
    for (let row = 0; row < m; row++) {
      for (let col = 0; col < n; col++) {
        let sum = 0;
        for (let i = 0; i < k; i++) {
          const left = a[a0 + (params["trans_a"] ? i * a_line + row : row * a_line + i)] ?? 0;
          sum += left * (b[b0 + (params["trans_b"] ? col * b_line + i : i * b_line + col)] ?? 0);
        }
        const added = params["has_bias"] ? beta * (bias[c0 + row * bias_row + col * bias_col] ?? 0) : 0;
        y[y0 + row * y_line + col] = activate(alpha * sum + added, rule);
      }
    }
  }
};
