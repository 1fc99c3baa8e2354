// Broadcast shapes as strides: neighbouring dims that all operands walk alike are merged, so that most calls
// come down to one or two dims.
import { UnsupportedError } from "../../base/errors.ts";

export interface BroadcastPlan {
  /** Merged dims, outermost first; at least one. */
  readonly dims: readonly number[];
  /** Of each operand, a stride per merged dim: 0 where it is broadcast. */
  readonly strides: readonly (readonly number[])[];
}

/** Row-major strides of dims, in elements. */
export function stridesOf(dims: readonly number[]): number[] {
  const strides = Array.from<number>({ length: dims.length }).fill(1);
  for (let i = dims.length - 2; i >= 0; i--) strides[i] = (strides[i + 1] ?? 1) * (dims[i + 1] ?? 1);
  return strides;
}

/** Strides that walk an operand of `dims` as if it were broadcast to `to` (NumPy's rules). */
export function broadcastStrides(dims: readonly number[], to: readonly number[]): number[] {
  const own = stridesOf(dims);
  return to.map((_, i) => {
    const at = i - (to.length - dims.length);
    return at < 0 || dims[at] === 1 ? 0 : (own[at] ?? 0);
  });
}

/**
 * Merges neighbouring dims wherever each set of strides goes on in one step. Dims of 1 are dropped.
 * @param strides per operand, one per dim
 */
export function mergeDims(dims: readonly number[], strides: readonly (readonly number[])[]): BroadcastPlan {
  const merged: number[] = [];
  const kept: number[][] = strides.map(() => []);
  for (const [i, dim] of dims.entries()) {
    if (dim === 1) continue;
    const last = merged.length - 1;
    const continues = last >= 0 && strides.every((of, operand) => kept[operand]?.[last] === (of[i] ?? 0) * dim);
    if (continues) merged[last] = (merged[last] ?? 1) * dim;
    else merged.push(dim);
    for (const [operand, of] of strides.entries()) {
      const own = kept[operand];
      if (own) own[continues ? last : own.length] = of[i] ?? 0;
    }
  }
  if (merged.length > 0) return { dims: merged, strides: kept };
  return { dims: [1], strides: strides.map(() => [0]) };
}

/**
 * Params of a broadcasting kernel of up to `most` dims: d1… (sizes) and a stride per operand and dim, right-aligned.
 * @throws UnsupportedError where more dims are left after merging
 */
export function broadcastParams(
  { dims, strides }: BroadcastPlan,
  names: readonly string[],
  most: number,
): Record<string, number> {
  if (dims.length > most) {
    throw new UnsupportedError(`Tensors of ${dims.length} dims that do not merge are more than ${most}.`, {
      hint: "Reshape the operands so that fewer dims are broadcast.",
      details: { dims: dims.join("x") },
    });
  }
  const params: Record<string, number> = {};
  const lead = most - dims.length;
  for (let i = 0; i < most; i++) {
    if (i > 0) params[`d${i}`] = dims[i - lead] ?? 1;
    for (const [operand, name] of names.entries()) params[`${name}${i}`] = strides[operand]?.[i - lead] ?? 0;
  }
  return params;
}

/** The reference's way to the same: position of each operand's element, by dims and strides from params. */
export function operandPosition(
  params: Readonly<Record<string, number>>,
  name: string,
  at: number,
  most: number,
): number {
  let [rest, position] = [at, 0];
  for (let i = most - 1; i >= 0; i--) {
    const dim = i > 0 ? (params[`d${i}`] ?? 1) : Number.POSITIVE_INFINITY;
    position += (rest % dim) * (params[`${name}${i}`] ?? 0);
    rest = Math.floor(rest / dim);
  }
  return position;
}
