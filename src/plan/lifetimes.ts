// When is each piece of memory needed? Positions are the steps of any linear schedule; the rules know
// neither work units nor devices, so that pipelines and forward passes share them.
import type { SlotSize } from "../base/slot.ts";

/** A piece of memory that a schedule names by its index. */
export interface Resource extends SlotSize {
  /** For messages. */
  readonly name: string;
  /** Lives through the whole schedule, and is there before and after it (weights of a model). */
  readonly pinned?: boolean;
}

/** A resource and the closed interval of positions in which it holds something. */
export interface Lifetime extends SlotSize {
  readonly resource: number;
  readonly start: number;
  readonly end: number;
}

/**
 * First and last position that touches each resource, in order of start, then of index. A resource that
 * nothing touches has no lifetime.
 * @param touches per position, the indices of the resources it reads or writes
 */
export function findLifetimes(
  resources: readonly Resource[],
  touches: readonly (readonly number[])[],
): readonly Lifetime[] {
  const last = touches.length - 1;
  const spans: ({ start: number; end: number } | undefined)[] = resources.map(({ pinned }) =>
    pinned ? { start: 0, end: last } : undefined,
  );
  for (const [position, touched] of touches.entries()) {
    for (const resource of touched) {
      const span = spans[resource];
      if (!span) spans[resource] = { start: position, end: position };
      else if (span.end < position) span.end = position;
    }
  }
  return resources
    .flatMap(({ usage, bytes }, resource): Lifetime[] => {
      const span = spans[resource];
      return span ? [{ resource, usage, bytes, ...span }] : [];
    })
    .toSorted((a, b) => a.start - b.start || a.resource - b.resource);
}

/** Live bytes at each position. */
export function liveBytes(lifetimes: readonly Lifetime[], positions: number): readonly number[] {
  const change = Array.from<number>({ length: positions + 1 }).fill(0);
  for (const { start, end, bytes } of lifetimes) {
    change[start] = (change[start] ?? 0) + bytes;
    change[end + 1] = (change[end + 1] ?? 0) - bytes;
  }
  let live = 0;
  return change.slice(0, positions).map((step) => (live += step));
}

/** The most that lives at once, and the first position where it does: a floor for every plan. */
export function lowerBound(
  lifetimes: readonly Lifetime[],
  positions: number,
): { readonly bytes: number; readonly position: number } {
  let [bytes, position] = [0, 0];
  for (const [at, live] of liveBytes(lifetimes, positions).entries()) {
    if (live > bytes) [bytes, position] = [live, at];
  }
  return { bytes, position };
}
