// Picks one option per item so that the summed load stays within a limit and the summed cost is least: the
// multiple-choice knapsack. Pure numbers; what a load or a cost is, the caller knows.
// Exact by dynamic programming over the sums that no other sum beats (loads may be any finite numbers, so there is no
// table over bytes to size). Where those grow too many, the Lagrangian relaxation answers, with its bound on the best.

export interface Option {
  readonly load: number;
  readonly cost: number;
}

export interface Picked {
  /** One option's index for each item. */
  readonly picks: readonly number[];
  readonly exact: boolean;
  /** No selection within the limit costs less. */
  readonly bound: number;
}

interface PartialSum extends Option {
  readonly pick: number;
  readonly before?: PartialSum;
}

/** Sums of options, each costing less than all that load no more. */
function frontier<T extends Option>(all: readonly T[]): T[] {
  let least = Infinity;
  return all
    .toSorted((a, b) => a.load - b.load || a.cost - b.cost)
    .filter(({ cost }) => cost < least && ((least = cost), true));
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);

/** The least load that any selection has. */
export const leastLoad = (items: readonly (readonly Option[])[]): number =>
  sum(items.map((options) => Math.min(...options.map(({ load }) => load))));

/** @returns undefined where no selection stays within the limit */
export function pickExactly(
  items: readonly (readonly Option[])[],
  limit: number,
  maxStates: number,
): Picked | "too many" | undefined {
  const least = items.map((options) => Math.min(...options.map(({ load }) => load)));
  // Sums taken in another order may round up: a sum is cut only when it is beyond the limit by more than that.
  const slack = 1e-9 * (Math.abs(limit) + sum(least.map(Math.abs)));
  let states: PartialSum[] = [{ load: 0, cost: 0, pick: -1 }];
  let made = 0;
  for (const [i, options] of items.entries()) {
    const rest = sum(least.slice(i + 1));
    made += states.length * options.length;
    if (made > maxStates) return "too many";
    const next = states.flatMap((before) =>
      options.map(({ load, cost }, pick) => ({ load: before.load + load, cost: before.cost + cost, pick, before })),
    );
    states = frontier(next.filter(({ load }) => load + rest <= limit + slack));
  }
  const best = states.findLast(({ load }) => load <= limit);
  if (!best) return undefined;
  const picks: number[] = [];
  for (let state = best; state.before; state = state.before) picks.unshift(state.pick);
  return { picks, exact: true, bound: best.cost };
}

/** The corners of the lower convex hull of an item's options, lightest first. */
function hull(options: readonly Option[]): readonly (Option & { readonly index: number })[] {
  const corners: (Option & { readonly index: number })[] = [];
  for (const point of frontier(options.map((option, index) => ({ ...option, index })))) {
    for (;;) {
      const [a, b] = corners.slice(-2);
      if (!a || !b || (b.cost - a.cost) * (point.load - a.load) < (point.cost - a.cost) * (b.load - a.load)) break;
      corners.pop();
    }
    corners.push(point);
  }
  return corners;
}

/**
 * From the lightest selection upwards, the steps along the hulls that save most cost per load. Where a step no longer
 * fits, the part of it that would is the relaxation's optimum; later steps of other items fill what is left.
 * @returns undefined where no selection stays within the limit
 */
export function pickRelaxed(items: readonly (readonly Option[])[], limit: number): Picked | undefined {
  const hulls = items.map(hull);
  const picks = hulls.map(([first]) => first?.index ?? 0);
  let load = leastLoad(items);
  if (load > limit) return undefined;
  let cost = sum(hulls.map(([first]) => first?.cost ?? 0));
  const steps = hulls
    .flatMap((corners, item) =>
      corners.slice(1).flatMap((to, i) => {
        const from = corners[i];
        return from ? [{ item, index: to.index, load: to.load - from.load, saved: from.cost - to.cost }] : [];
      }),
    )
    .toSorted((a, b) => b.saved / b.load - a.saved / a.load);
  const stopped = new Set<number>();
  let bound: number | undefined;
  for (const step of steps) {
    if (stopped.has(step.item)) continue;
    if (load + step.load > limit) {
      bound ??= cost - (step.saved * (limit - load)) / step.load;
      stopped.add(step.item);
      continue;
    }
    load += step.load;
    cost -= step.saved;
    picks[step.item] = step.index;
  }
  return { picks, exact: bound === undefined, bound: bound ?? cost };
}
