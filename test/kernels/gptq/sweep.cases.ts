// Cases of gptq/sweep: the first and later blocks, ragged ends, both orders of a weight, scales given and found,
// clipped ranges, channels out of order, every rule.
import { sweepReference } from "../../../src/kernels/gptq/sweep.ref.ts";
import { sweepCall, sweepSpec, type SweepShape } from "../../../src/kernels/gptq/sweep.ts";
import { affineScale, affineZeroPoint, type AffineRule } from "../../../src/kernels/quantize/affine-rule.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";
import { secondMoments, turned, upperFactor } from "../factor/matrices.ts";
import { bytesOf, weights } from "../quantize/float-fixtures.ts";

const int4: AffineRule = { bits: 4, signed: false, scheme: "asymmetric", rounding: "half-up", halfScales: false };

interface Options {
  readonly rule?: Partial<AffineRule>;
  readonly clips?: number;
  /** [n, channels] in place of [channels, n]. */
  readonly rowMajor?: boolean;
  readonly shuffled?: boolean;
  readonly wide?: boolean;
}

function caseOf(
  k: number,
  n: number,
  at: number,
  count: number,
  { rule: given = {}, clips, rowMajor = false, shuffled = false, wide = false }: Options,
): KernelCase {
  const line = Math.ceil(k / 4) * 4;
  const rule: AffineRule = { ...int4, ...given };
  const blockSize = wide ? 2 ** 30 : 16;
  const blocks = wide ? 1 : Math.ceil(k / blockSize);
  const shape: SweepShape = {
    line,
    at,
    count,
    n,
    weight: rowMajor ? { row: k, col: 1 } : { row: 1, col: n },
    group: { row: blocks, col: wide ? 0 : 1 },
    blockSize,
  };
  const u = upperFactor(turned(secondMoments(line, k)), line);
  const padded = Math.ceil(n / 4) * 4;
  const order = Uint32Array.from({ length: k }, (_, i) => (shuffled ? (i * 7 + 3) % k : i));
  const d = weights(line * padded, 3).map((value) => value * 0.1);
  if (n !== padded) for (let i = 0; i < line; i++) d.fill(0, i * padded + n, (i + 1) * padded);
  const scales = new Float32Array(n * blocks);
  const zeros = new Int32Array(n * blocks);
  if (clips === undefined) {
    const next = weights(2 * n * blocks, 5);
    for (const i of scales.keys()) {
      const [low, high] = [-0.1 - Math.abs(next[2 * i] ?? 0), 0.12 + Math.abs(next[2 * i + 1] ?? 0)];
      scales[i] = affineScale(low, high, rule);
      zeros[i] = affineZeroPoint(low, scales[i] ?? 1, rule);
    }
  }
  const found = clips === undefined ? "scales given" : `scales of ${clips} ranges`;
  const notes = [rowMajor && "[n, k]", shuffled && "out of order", wide && "a scale per row", JSON.stringify(given)];
  return {
    name: `channels ${at} to ${at + count} of ${k} for ${n}, ${found} ${notes.filter(Boolean).join(", ")}`,
    call: sweepCall(shape, rule, clips === undefined ? undefined : { clips }),
    buffers: [
      bytesOf(Float32Array.from(u)),
      bytesOf(weights(at === 0 ? 4 : count * padded, 9).map((value) => value * 0.1)),
      new Uint8Array(order.buffer),
      bytesOf(weights(k * n, 2)),
      bytesOf(d),
      bytesOf(scales),
      new Uint8Array(zeros.buffer),
    ],
  };
}

export const room: KernelRoom = {
  spec: sweepSpec,
  reference: sweepReference,
  cases: [
    caseOf(16, 4, 0, 16, {}),
    caseOf(32, 8, 16, 16, {}),
    caseOf(43, 7, 32, 11, { rowMajor: true }),
    caseOf(41, 5, 32, 9, { clips: 1 }),
    caseOf(32, 300, 0, 16, { clips: 12 }),
    caseOf(48, 6, 16, 16, { clips: 12, rowMajor: true, rule: { scheme: "symmetric-full" } }),
    caseOf(48, 9, 32, 16, { clips: 4, rule: { bits: 2, scheme: "symmetric", signed: true, rounding: "half-even" } }),
    caseOf(60, 8, 0, 60, { shuffled: true }),
    caseOf(40, 8, 16, 24, { wide: true, rule: { bits: 8, signed: true, scheme: "symmetric", rounding: "half-even" } }),
    caseOf(32, 8, 16, 16, { clips: 12, rule: { halfScales: true } }),
  ],
};
