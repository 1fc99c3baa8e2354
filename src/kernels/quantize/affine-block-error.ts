// Room quantize/affine-block-error: error records of blocks, in the shapes that affine-block serves.
import quadsWgsl from "../../../shaders/quantize/affine-block-error.wgsl?quads";
import columnsWgsl from "../../../shaders/quantize/affine-block-error.wgsl?columns";
import portableWgsl from "../../../shaders/quantize/affine-block-error.wgsl";
import { InternalError } from "../../base/errors.ts";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { fitsAffineBlock } from "./affine-block.ts";
import { ruleParams, type AffineRule } from "./affine-rule.ts";
import { errorRecordBytes } from "./error-sums.ts";
import {
  blocksPerRow,
  elementsOf,
  groupCount,
  type BlockedGeometry,
  type CodeLayout,
  type Geometry,
} from "./geometry.ts";
import { shapeOf, shapeParamList, shapeParams } from "./shape.ts";

const defaults = { wg: 64, bits: 4 };

/** Threads that take blocks in turn; the constant of the shader. */
const blockInterleave = 64;
/** Elements behind one record: long enough that records are small beside the data, short enough for f32 sums. */
const elementsPerRecord = 512;
/** Threads that a device should be given before records grow to their full length. */
const enoughThreads = 1024;

export const affineBlockErrorSpec: KernelSpec = {
  id: "quantize/affine-block-error",
  params: [
    ...shapeParamList,
    ["row_words", "u32"],
    ["span", "u32"],
    ["columns", "u32"],
    ["bits", "u32"],
    ["is_signed", "u32"],
    ["rounding", "u32"],
  ],
  bindings: [
    { name: "source", access: "read" },
    { name: "codes", access: "read" },
    { name: "scales", access: "read" },
    { name: "zero_points", access: "read" },
    { name: "records", access: "read_write" },
  ],
  overrides: defaults,
  // All run everywhere; a call takes the first that its shape allows.
  variants: [
    { name: "quads", requires: [], wgsl: quadsWgsl },
    { name: "columns", requires: [], wgsl: columnsWgsl },
    { name: "portable", requires: [], wgsl: portableWgsl },
  ],
  tolerance: { relative: 1e-4, floor: 1e-6 },
};

/** Blocks that are neighbours along inner and go together. */
const columnsOf = ({ inner }: BlockedGeometry): number => (inner % 4 === 0 ? 4 : 1);

/** Units of blocks behind one record. */
function spanOf(g: BlockedGeometry): number {
  const units = groupCount(g) / columnsOf(g);
  const longest = Math.floor(elementsPerRecord / (g.blockSize * columnsOf(g)));
  return Math.max(1, Math.min(longest, Math.ceil(units / enoughThreads)));
}

/** Records of so many units of blocks. */
const blockRecords = (units: number, span: number): number =>
  Math.ceil(units / (blockInterleave * span)) * blockInterleave;

/** The records of a call: how many there are, and which one an element falls into. */
export function blockErrorRecords(params: Readonly<Record<string, number>>): {
  readonly count: number;
  readonly recordOf: (element: number) => number;
} {
  const { dim, inner, block, blocks, outer } = shapeOf(params);
  const { span = 1, columns = 1 } = params;
  return {
    count: blockRecords((outer * blocks * inner) / columns, span),
    recordOf: (element) => {
      const row = Math.floor(element / inner);
      const o = Math.floor(row / dim);
      // Blocks counted along inner first, then along dim.
      const number = (o * blocks + Math.floor((row - o * dim) / block)) * inner + (element % inner);
      const unit = Math.floor(number / columns);
      return Math.floor(unit / (blockInterleave * span)) * blockInterleave + (unit % blockInterleave);
    },
  };
}

/** Bytes of the records of a tensor in blocks. */
export const affineBlockErrorBytes = (geometry: BlockedGeometry): number =>
  blockRecords(groupCount(geometry) / columnsOf(geometry), spanOf(geometry)) * errorRecordBytes;

/**
 * Buffers: source, f32 of the geometry; codes, packed in the layout; scales, f32 and zero_points, i32, one per
 * group in the order of the layout; records, affineBlockErrorBytes.
 * @throws InternalError for a shape that fitsAffineBlock refuses; UnsupportedError for 2^29 codes or more
 */
export function affineBlockErrorCall(
  geometry: Geometry,
  layout: CodeLayout,
  rule: Pick<AffineRule, "bits" | "signed" | "rounding">,
  variant?: string,
): KernelCall {
  if (geometry.kind !== "blocked" || !fitsAffineBlock(geometry, layout, rule.bits)) {
    throw new InternalError("This shape is not for quantize/affine-block-error.", {
      details: { layout, bits: rule.bits },
    });
  }
  const shape = shapeParams(geometry, layout);
  const { dim, inner } = geometry;
  const rowCodes = layout === "rows" ? blocksPerRow(geometry) * geometry.blockSize : dim;
  const [span, columns] = [spanOf(geometry), columnsOf(geometry)];
  const fitting = [
    ...(inner === 1 && dim % 4 === 0 ? ["quads"] : []),
    ...(columns === 4 ? ["columns"] : []),
    "portable",
  ];
  const { is_signed = 0, rounding = 0 } = ruleParams({ ...rule, scheme: "symmetric", halfScales: false });
  const count = elementsOf(geometry);
  return {
    kernel: affineBlockErrorSpec.id,
    variant: fitting.find((name) => name === variant) ?? fitting[0] ?? "portable",
    overrides: { wg: defaults.wg, bits: rule.bits },
    params: { ...shape, row_words: (rowCodes * rule.bits) / 32, span, columns, bits: rule.bits, is_signed, rounding },
    workgroups: Math.ceil(blockRecords(groupCount(geometry) / columns, span) / defaults.wg),
    cost: { bytes: count * (4 + rule.bits / 8), ops: count * 30 },
  };
}
