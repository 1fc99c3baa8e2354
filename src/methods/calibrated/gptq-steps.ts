// GPTQ's sweep over a weight's input channels as steps of a work unit: a block of channels at a time; what the errors
// of all channels before weigh in it is one matrix product.
import type { DeviceProfile } from "../../base/profile.ts";
import { sweepCall, type SweepShape } from "../../kernels/gptq/sweep.ts";
import { batchedMatmulCall } from "../../kernels/matmul/batched.ts";
import { stridedCopyCall } from "../../kernels/nn/strided-copy.ts";
import { blocksPerRow, type CodeLayout, type Geometry } from "../../kernels/quantize/geometry.ts";
import type { AffineRule } from "../../kernels/quantize/affine-rule.ts";
import type { Step } from "../../plan/types.ts";
import type { StepsPiece } from "../quantize/group-steps.ts";

/** Channels that are swept at a time where their scales are given. */
const sweepBlock = 128;

/** A weight as a matrix of output by input channels. */
export interface MatrixView {
  readonly n: number;
  readonly k: number;
  /** Elements from one output channel, and from one input channel, to the next. */
  readonly weight: { readonly row: number; readonly col: number };
  /** Groups from one output channel, and from one block of input channels, to the next. */
  readonly group: { readonly row: number; readonly col: number };
  /** Input channels that share a scale; `k` where all do. */
  readonly blockSize: number;
}

/** How a packed weight is a matrix with `k` input channels, or undefined where its groups are not along these. */
export function matrixView(geometry: Geometry, layout: CodeLayout, k: number): MatrixView | undefined {
  if (geometry.kind === "wide") {
    const { outer, channels: n, inner } = geometry;
    const group = { row: 1, col: 0 };
    if (outer === k && inner === 1) return { n, k, weight: { row: 1, col: n }, group, blockSize: k };
    if (outer === 1 && inner === k) return { n, k, weight: { row: k, col: 1 }, group, blockSize: k };
    return undefined;
  }
  const { outer, dim, inner, blockSize } = geometry;
  const blocks = blocksPerRow(geometry);
  if (dim !== k) return undefined;
  const size = Math.min(blockSize, k);
  if (inner === 1) {
    return { n: outer, k, weight: { row: k, col: 1 }, group: { row: blocks, col: 1 }, blockSize: size };
  }
  if (outer !== 1) return undefined;
  const group = layout === "rows" ? { row: blocks, col: 1 } : { row: 1, col: inner };
  return { n: inner, k, weight: { row: 1, col: inner }, group, blockSize: size };
}

export interface SweepBuffers {
  /** The factor's rows, f32 [line, line]. */
  readonly factor: string;
  /** Channels in the order of the sweep, u32. */
  readonly order: string;
  /** f32, replaced by the quantized values. */
  readonly weight: string;
  readonly scales: string;
  readonly zeros: string;
}

/**
 * Quantizes all channels in order.
 * @param clips how many ranges to try for the scale of each group when its first channel comes up; undefined where
 *   scales and zero points are in their buffers already. Only for groups that are whole blocks of the order.
 */
export function sweepSteps(
  profile: DeviceProfile,
  view: MatrixView,
  rule: AffineRule,
  names: SweepBuffers,
  clips?: number,
): Partial<StepsPiece> {
  const { n, k, weight, group, blockSize } = view;
  const line = Math.ceil(k / 4) * 4;
  const padded = Math.ceil(n / 4) * 4;
  const [errors, panel, sums, nothing] = ["sweep.errors", "sweep.panel", "sweep.sums", "sweep.nothing"];
  const each = clips === undefined ? sweepBlock : blockSize;
  const steps: Step[] = [];
  for (let at = 0; at < k; at += each) {
    const count = Math.min(each, k - at);
    if (at > 0) {
      // Rows of the factor lie from the last channel to the first, and so do their elements.
      const last = { start: (line - 1 - at) * line + line - 1, strides: [-line, -1] };
      const copy = stridedCopyCall([count, at], last, { start: 0, strides: [at, 1] });
      steps.push({ call: copy, bindings: [names.factor, panel] });
      const product = batchedMatmulCall({ m: count, n: padded, k: at }, profile);
      steps.push({ call: product, bindings: [panel, errors, nothing, sums] });
    }
    const shape: SweepShape = { line, at, count, n, weight, group, blockSize };
    const { factor, order, weight: values, scales, zeros } = names;
    const bindings = [factor, sums, order, values, errors, scales, zeros];
    if (clips !== undefined) steps.push({ call: sweepCall(shape, rule, { clips }), bindings });
    steps.push({ call: sweepCall(shape, rule), bindings });
  }
  const buffers = { [errors]: 4 * line * padded, [sums]: 4 * Math.max(4, each * padded) };
  return k > each ? { buffers: { ...buffers, [panel]: 4 * each * line, [nothing]: 16 }, steps } : { buffers, steps };
}
