// Room matmul/table: vectors times a weight whose codes of 1 to 4 bits name values of a small table: NF4 and FP4
// (Dettmers et al., QLoRA, 2023; MatMulBnb4's weights), MXFP4, NVFP4, ternary (Li et al., Ternary Weight Networks,
// 2016), signs (Rastegari et al., XNOR-Net, 2016), and integers of three bits.
import { UnsupportedError } from "../../base/errors.ts";
import plainWgsl from "../../../shaders/matmul/table.wgsl";
import halfWgsl from "../../../shaders/matmul/table.wgsl?half";
import halfF16Wgsl from "../../../shaders/matmul/table.wgsl?half&f16";
import halfF16SubgroupsWgsl from "../../../shaders/matmul/table.wgsl?half&f16&subgroups";
import halfSubgroupsWgsl from "../../../shaders/matmul/table.wgsl?half&subgroups";
import subgroupsWgsl from "../../../shaders/matmul/table.wgsl?subgroups";
import wideWgsl from "../../../shaders/matmul/table.wgsl?wide";
import wideSubgroupsWgsl from "../../../shaders/matmul/table.wgsl?wide&subgroups";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { activationNumber, noActivation, type Activation } from "../nn/activation.ts";
import { lanesFor, rowsFor, shareFor, type MatmulTarget } from "./batched.ts";

const defaults = {
  wg: 64,
  rows: 8,
  share: 4,
  format: 1,
  bits: 4,
  swapped: 0,
  scale_kind: 0,
  has_zeros: 0,
  has_bias: 0,
  activation: 0,
};

export const tableMatmulSpec: KernelSpec = {
  id: "matmul/table",
  params: [
    ["m", "u32"],
    ["n", "u32"],
    ["k", "u32"],
    ["line", "u32"],
    ["block", "u32"],
    ["chunk", "u32"],
    ["act_a", "f32"],
    ["act_b", "f32"],
  ],
  bindings: [
    { name: "codes", access: "read" },
    { name: "scales", access: "read" },
    { name: "global_scale", access: "read" },
    { name: "zeros", access: "read" },
    { name: "x", access: "read" },
    { name: "bias", access: "read" },
    { name: "y", access: "read_write" },
  ],
  overrides: defaults,
  variants: [
    { name: "half-f16-subgroups", requires: ["shader-f16", "subgroups"], wgsl: halfF16SubgroupsWgsl },
    { name: "half-f16", requires: ["shader-f16"], wgsl: halfF16Wgsl },
    { name: "half-subgroups", requires: ["subgroups"], wgsl: halfSubgroupsWgsl },
    { name: "half", requires: [], wgsl: halfWgsl },
    { name: "wide-subgroups", requires: ["subgroups"], wgsl: wideSubgroupsWgsl },
    { name: "subgroups", requires: ["subgroups"], wgsl: subgroupsWgsl },
    { name: "wide", requires: [], wgsl: wideWgsl },
    { name: "portable", requires: [], wgsl: plainWgsl },
  ],
  tolerance: { relative: 2e-5, floor: 1 },
};

interface TableFormat {
  /** The shader's number for the values. */
  readonly values: number;
  readonly bits: number;
  /** The first of two nibbles is the higher one. */
  readonly swapped: boolean;
  /** 0: f32, 1: E8M0 bytes, 2: E4M3 bytes under a global f32. */
  readonly scaleKind: number;
}

/** What codes mean, and how their scales are stored. */
export const tableFormats = {
  /** bitsandbytes' FP4, f32 absmax. */
  fp4: { values: 0, bits: 4, swapped: true, scaleKind: 0 },
  /** bitsandbytes' NF4, f32 absmax. */
  nf4: { values: 1, bits: 4, swapped: true, scaleKind: 0 },
  /** OCP's E2M1 elements under E8M0 bytes. */
  mxfp4: { values: 2, bits: 4, swapped: false, scaleKind: 1 },
  /** E2M1 elements under E4M3 bytes, which a global f32 divides. */
  nvfp4: { values: 2, bits: 4, swapped: false, scaleKind: 2 },
  /** -1, 0, 1 as 0, 1, 2; f32 scales. */
  ternary: { values: 3, bits: 2, swapped: false, scaleKind: 0 },
  /** -1, 1 as 0, 1; f32 scales. */
  sign: { values: 4, bits: 1, swapped: false, scaleKind: 0 },
  /** code - zero, zero 4 or an f32 a group; f32 scales. 32 codes fill three words, some lie across two. */
  int3: { values: 5, bits: 3, swapped: false, scaleKind: 0 },
} as const satisfies Readonly<Record<string, TableFormat>>;

export type TableFormatName = keyof typeof tableFormats;

export interface TableMatmulShape {
  /** Input vectors. */
  readonly m: number;
  /** Outputs: rows of the weight. */
  readonly n: number;
  /** Inputs: columns of the weight. */
  readonly k: number;
  /** Codes that share a scale. */
  readonly blockSize: number;
  /**
   * rows  each row is padded to whole blocks (the default; where blocks fill rows it is the same as flat)
   * flat  rows follow each other without gaps, and so do blocks (bitsandbytes, MatMulBnb4)
   */
  readonly layout?: "rows" | "flat";
  /** int3: an f32 zero point for each group. */
  readonly zeros?: boolean;
  readonly bias?: boolean;
  readonly activation?: Activation;
  /** x holds f16; k must be a multiple of 4. */
  readonly halfInput?: boolean;
}

const commonDivisor = (a: number, b: number): number => (b === 0 ? a : commonDivisor(b, a % b));

/** Codes of a row with its padding. */
export const tableLine = ({ k, blockSize, layout = "rows" }: TableMatmulShape): number =>
  layout === "flat" ? k : Math.ceil(k / blockSize) * blockSize;

/** Codes that fill whole words. */
const unitOf = (bits: number): number => (bits === 3 ? 32 : 32 / bits);

/** Whether rows and groups lie on whole words, so that the kernel takes the shape. */
export const fitsTable = (format: TableFormatName, shape: TableMatmulShape): boolean =>
  commonDivisor(tableLine(shape), shape.blockSize) % unitOf(tableFormats[format].bits) === 0;

/**
 * Push it as it is: the variant is the one for shape and device. Buffers: codes, n rows as `layout` says; scales, one
 * for each group in the form of the format; global_scale, f32 for nvfp4; zeros, f32 a group where asked; x, [m, k];
 * bias, f32 [n]; y, f32 [m, n]. Any 4 bytes for what is not used.
 * @throws UnsupportedError for rows or blocks that do not lie on whole words, for f16 inputs whose rows do not lie on
 *   whole quads, and for 2^31 codes or more
 */
export function tableMatmulCall(
  format: TableFormatName,
  shape: TableMatmulShape,
  target: MatmulTarget,
  overrides: Partial<Pick<typeof defaults, "wg" | "rows" | "share">> = {},
): KernelCall {
  const { m, n, k, blockSize, bias = false, activation = noActivation, halfInput = false } = shape;
  const { values, bits, swapped, scaleKind } = tableFormats[format];
  const line = tableLine(shape);
  if (!fitsTable(format, shape)) {
    throw new UnsupportedError(`Rows of ${line} codes in blocks of ${blockSize} do not lie on whole words.`, {
      hint: `Make both multiples of ${unitOf(bits)} codes.`,
      details: { k, blockSize, format },
    });
  }
  if (halfInput && k % 4 !== 0) {
    throw new UnsupportedError(`Rows of ${k} halves do not lie on whole quads.`, {
      hint: "Pad the rows to a multiple of 4, or give f32.",
      details: { k },
    });
  }
  if (n * line >= 2 ** 31 || m * Math.max(n, k) >= 2 ** 30) {
    throw new UnsupportedError(`A product of [${m}, ${k}] and [${n}, ${k}] is too large for one dispatch.`, {
      hint: "Cut the weight by rows, or the input by vectors.",
      details: { m, n, k },
    });
  }
  const { wg, rows, share } = {
    wg: lanesFor(Math.ceil(n / 4)),
    rows: rowsFor(m, target),
    share: shareFor(target),
    ...overrides,
  };
  const has = (feature: string): boolean => target.features.includes(feature);
  const quads = halfInput ? ["half", ...(has("shader-f16") ? ["f16"] : [])] : k % 4 === 0 ? ["wide"] : [];
  const shares = rows > 1 && has("subgroups") ? ["subgroups"] : [];
  return {
    kernel: tableMatmulSpec.id,
    variant: [...quads, ...shares].join("-") || "portable",
    overrides: {
      wg,
      rows,
      share,
      format: values,
      bits,
      swapped: swapped ? 1 : 0,
      scale_kind: scaleKind,
      has_zeros: shape.zeros ? 1 : 0,
      has_bias: bias ? 1 : 0,
      activation: activationNumber(activation.kind),
    },
    params: {
      m,
      n,
      k,
      line,
      block: blockSize,
      chunk: commonDivisor(line, blockSize),
      act_a: activation.a ?? 0,
      act_b: activation.b ?? 0,
    },
    workgroups: Math.ceil(m / rows) * Math.ceil(n / (4 * wg)),
    cost: { bytes: (n * line * bits) / 8 + 4 * m * (n + k), ops: 2 * m * n * k },
  };
}
