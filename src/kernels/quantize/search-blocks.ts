// The error of one block under a scale and zero point, in the fixed point of the scale searches, as the
// references need it. Knows the definition (shaders/common/fixed.wgsl), not the shaders' loops.
import { forEachElement, shapeOf } from "./shape.ts";
import {
  exponentOf,
  inUnits,
  nearestSteps,
  readCode,
  steps,
  unitShift,
  valueOf,
  type Reading,
} from "./search-units.ts";

export interface BlockParams {
  readonly weighted: number;
  readonly asymmetric: number;
  readonly half_scales: number;
  readonly code_min: number;
  readonly code_max: number;
  readonly reach: number;
  readonly top: number;
  readonly drop: number;
}

/** The elements of one group and their importance. */
export interface Members {
  readonly group: number;
  readonly values: number[];
  readonly importance: number[];
}

/** Gathers every group's values; `importance` is per index along dim. */
export function collectBlocks(
  params: Readonly<Record<string, number>> | BlockParams,
  source: Uint32Array,
  importance: Uint32Array,
): Members[] {
  const shape = shapeOf(params as Readonly<Record<string, number>>);
  const groups: Members[] = [];
  forEachElement(shape, (element, _position, group) => {
    const members = (groups[group] ??= { group, values: [], importance: [] });
    members.values.push(readFinite(source[element] ?? 0));
    if ((params as BlockParams).weighted === 1) {
      members.importance.push(valueOf(importance[Math.floor(element / shape.inner) % shape.dim] ?? 0));
    }
  });
  return groups;
}

/** NaN counts as infinity: both make a block keep its first scale. */
function readFinite(bits: number): number {
  const value = valueOf(bits);
  return Number.isNaN(value) ? Infinity : value;
}

/** A group that the search may touch, in fixed point. */
export interface Block {
  readonly shift: number;
  /** -1 where the first scale is negative; `units` are turned so that it is positive. */
  readonly sign: number;
  /** The first scale in units. */
  readonly s0: number;
  readonly zero: number;
  readonly units: readonly number[];
  /** floor(importance) on a scale whose largest lies in [512, 1024); all 0 without importance. */
  readonly floors: readonly number[];
  /** Lower bound of the first scale's error, in 256 squared steps, or 1 when weighted. */
  readonly firstError: number;
  /** See surelyLess. */
  readonly slack: number;
}

/** Undefined where the group keeps its first scale: zero or non-finite scale, weights out of range. */
export function openBlock(
  params: BlockParams,
  members: Members,
  scaleWord: number,
  zeroPoint: number,
): Block | undefined {
  const scale = valueOf(scaleWord);
  if (scale === 0 || !Number.isFinite(scale)) return undefined;
  const shift = unitShift(scale, params.top);
  const sign = Math.sign(scale);
  const fineScale = inUnits(Math.abs(scale), shift + 6);
  const s0 = Math.floor((fineScale + 32) / 64);
  const units = members.values.map((x) => sign * inUnits(x, shift));
  if (units.some((x) => Math.abs(x) > s0 * params.reach)) return undefined;
  const zero = params.asymmetric === 1 ? zeroPoint : 0;
  const weighted = params.weighted === 1;
  const floors = weighted ? floorWeights(members.importance) : units.map(() => 0);
  let firstError = 0;
  for (const [index, x] of units.entries()) {
    const squared = nearestSteps(x, fineScale, s0, readingOf(params, zero)) ** 2;
    firstError += weighted ? squared * (floors[index] ?? 0) : Math.floor(squared / 256);
  }
  const slack = weighted ? 850 * floors.reduce((sum, w) => sum + w + 1, 0) : 5 * units.length;
  return { shift, sign, s0, zero, units, floors, firstError, slack };
}

/** How codes are read off under a zero point. */
export const readingOf = ({ drop, code_min: low, code_max: high }: BlockParams, zero: number): Reading => ({
  drop,
  low: low - zero,
  high: high - zero,
});

/** Upper bound of the (weighted) squared error under s units, in 256 squared steps, or 1 when weighted. */
export function errorUnder(params: BlockParams, block: Block, s: number, zero: number): number {
  const reading = readingOf(params, zero);
  const inverse = Math.floor(2 ** 31 / s);
  let error = 0;
  for (const [index, x] of block.units.entries()) {
    const squared = steps(x - readCode(x, inverse, reading) * s) ** 2;
    error += params.weighted === 1 ? squared * ((block.floors[index] ?? 0) + 1) : Math.floor(squared / 256);
  }
  return error;
}

function floorWeights(importance: readonly number[]): number[] {
  const largest = Math.max(...importance);
  const shift = largest > 0 ? 9 - exponentOf(largest) : 136;
  return importance.map((w) => Math.floor(w * 2 ** shift));
}
