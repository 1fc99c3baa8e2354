// Room matmul/block: many vectors times a packed block weight, y = activation(x W^T + bias), as MatMulNBits does it.
import { UnsupportedError } from "../../base/errors.ts";
import plainWgsl from "../../../shaders/matmul/block.wgsl";
import subgroupsWgsl from "../../../shaders/matmul/block.wgsl?subgroups";
import wideWgsl from "../../../shaders/matmul/block.wgsl?wide";
import wideSubgroupsWgsl from "../../../shaders/matmul/block.wgsl?wide&subgroups";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { activationNumber, noActivation, type Activation } from "../nn/activation.ts";
import { middleCode, type AffineRule } from "../quantize/affine-rule.ts";
import { lanesFor, rowsFor, shareFor, type MatmulTarget } from "./batched.ts";

const defaults = { wg: 64, rows: 8, share: 4, bits: 4, is_signed: 0, packed_zeros: 0, has_bias: 0, activation: 0 };

export const blockMatmulSpec: KernelSpec = {
  id: "matmul/block",
  params: [
    ["m", "u32"],
    ["n", "u32"],
    ["k", "u32"],
    ["block", "u32"],
    ["blocks", "u32"],
    ["zero", "i32"],
    ["act_a", "f32"],
    ["act_b", "f32"],
  ],
  bindings: [
    { name: "codes", access: "read" },
    { name: "scales", access: "read" },
    { name: "zero_points", access: "read" },
    { name: "x", access: "read" },
    { name: "bias", access: "read" },
    { name: "y", access: "read_write" },
  ],
  overrides: defaults,
  variants: [
    { name: "wide-subgroups", requires: ["subgroups"], wgsl: wideSubgroupsWgsl },
    { name: "subgroups", requires: ["subgroups"], wgsl: subgroupsWgsl },
    { name: "wide", requires: [], wgsl: wideWgsl },
    { name: "portable", requires: [], wgsl: plainWgsl },
  ],
  tolerance: { relative: 2e-5, floor: 1 },
};

export interface BlockMatmulShape {
  /** Input vectors. */
  readonly m: number;
  /** Outputs: rows of the weight. */
  readonly n: number;
  /** Inputs: columns of the weight, before padding to whole blocks. */
  readonly k: number;
  /** Columns that share a scale: a power of two, at least 16. */
  readonly blockSize: number;
  readonly bias?: boolean;
  readonly activation?: Activation;
}

/**
 * Push it as it is: the variant is the one for shape and device. Buffers: codes, n rows of whole blocks (the rows
 * layout; MatMulNBits' B); scales, f32 [n, blocks]; zero_points, codes of [n, blocks] with each row starting on a byte
 * (as pack-zero-points and MatMulNBits have them) where the scheme is asymmetric, else any 4 bytes; x, f32 [m, k];
 * bias, f32 [n] or any 4 bytes; y, f32 [m, n].
 * @throws UnsupportedError for blocks that are not a power of two from 16 on, and for 2^29 codes or more
 */
export function blockMatmulCall(
  shape: BlockMatmulShape,
  rule: Pick<AffineRule, "bits" | "signed" | "scheme">,
  target: MatmulTarget,
  overrides: Partial<Pick<typeof defaults, "wg" | "rows" | "share">> = {},
): KernelCall {
  const { m, n, k, blockSize, bias = false, activation = noActivation } = shape;
  if (blockSize < 16 || !Number.isInteger(Math.log2(blockSize))) {
    throw new UnsupportedError(`Blocks of ${blockSize} do not fill whole words.`, {
      hint: "Use a block size of 16, 32, 64, 128 or 256.",
      details: { blockSize },
    });
  }
  const blocks = Math.ceil(k / blockSize);
  const codes = n * blocks * blockSize;
  if (codes >= 2 ** 29 || m * Math.max(n, k) >= 2 ** 30) {
    throw new UnsupportedError(`A product of [${m}, ${k}] and [${n}, ${k}] is too large for one dispatch.`, {
      hint: "Cut the weight by rows, or the input by vectors.",
      details: { m, n, k },
    });
  }
  const { wg, rows, share } = {
    wg: lanesFor(Math.ceil(n / 4)),
    // Decoding leaves llvmpipe no registers for more.
    rows: rowsFor(m, target, ["swiftshader"]),
    share: shareFor(target),
    ...overrides,
  };
  const shares = rows > 1 && target.features.includes("subgroups") ? ["subgroups"] : [];
  return {
    kernel: blockMatmulSpec.id,
    variant: [...(k % 4 === 0 ? ["wide"] : []), ...shares].join("-") || "portable",
    overrides: {
      wg,
      rows,
      share,
      bits: rule.bits,
      is_signed: rule.signed ? 1 : 0,
      packed_zeros: rule.scheme === "asymmetric" ? 1 : 0,
      has_bias: bias ? 1 : 0,
      activation: activationNumber(activation.kind),
    },
    params: {
      m,
      n,
      k,
      block: blockSize,
      blocks,
      zero: middleCode(rule),
      act_a: activation.a ?? 0,
      act_b: activation.b ?? 0,
    },
    workgroups: Math.ceil(m / rows) * Math.ceil(n / (4 * wg)),
    cost: { bytes: (codes * rule.bits) / 8 + 4 * m * (n + k), ops: 2 * m * n * k },
  };
}
