// Reference of matmul/integer: sums of exact products, cut to 32 bits at each step.
import type { KernelReference } from "../kernel.ts";

export const integerMatmulReference: KernelReference = (params, buffers) => {
  const [a, b, aZero, bZero, y] = buffers.map(
    ({ buffer, byteOffset, length }) => new Int32Array(buffer, byteOffset, length / 4),
  );
  if (!a || !b || !aZero || !bZero || !y) return;
  const { m = 0, n = 0, k = 0, batch = 0, a_batch = 0, b_batch = 0, a_zero_step = 0, b_zero_step = 0 } = params;
  for (let entry = 0; entry < batch; entry++) {
    for (let row = 0; row < m; row++) {
      for (let col = 0; col < n; col++) {
        let sum = 0;
        for (let i = 0; i < k; i++) {
          const left = (a[entry * a_batch + row * k + i] ?? 0) - (aZero[row * a_zero_step] ?? 0);
          const right = (b[entry * b_batch + i * n + col] ?? 0) - (bZero[col * b_zero_step] ?? 0);
          sum = (sum + Math.imul(left, right)) | 0;
        }
        y[(entry * m + row) * n + col] = sum;
      }
    }
  }
};
