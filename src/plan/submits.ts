// Cuts a run of commands into submits. A submit costs ten times a dispatch, so dispatches travel together;
// a submit that takes long freezes a page and may be killed by the system's GPU watchdog (2 s on Windows,
// 10 s in Chrome), so estimated work is capped far below.

export interface SubmitPolicy {
  /** Fewer dispatches than this are only cut by `maxSeconds`. */
  readonly minDispatches: number;
  readonly maxDispatches: number;
  /** Enough work for a submit that has `minDispatches`. */
  readonly targetSeconds: number;
  /** More than one dispatch never exceeds this together. */
  readonly maxSeconds: number;
}

export const defaultSubmitPolicy: SubmitPolicy = {
  minDispatches: 8,
  maxDispatches: 32,
  targetSeconds: 0.03,
  maxSeconds: 0.2,
};

/**
 * Ends of the submits, as indices after their last command; the last one is the number of commands.
 * @param seconds estimated seconds of each dispatch; undefined for copies and clears, which cost nothing here
 * @param breaks indices before which a submit must end
 */
export function cutSubmits(
  seconds: readonly (number | undefined)[],
  breaks: ReadonlySet<number> = new Set(),
  policy: SubmitPolicy = defaultSubmitPolicy,
): readonly number[] {
  const ends: number[] = [];
  let [dispatches, work] = [0, 0];
  for (const [index, cost] of seconds.entries()) {
    const isFull =
      cost !== undefined &&
      dispatches > 0 &&
      (dispatches >= policy.maxDispatches ||
        work + cost > policy.maxSeconds ||
        (dispatches >= policy.minDispatches && work >= policy.targetSeconds));
    if (index > 0 && (isFull || breaks.has(index))) {
      ends.push(index);
      [dispatches, work] = [0, 0];
    }
    if (cost !== undefined) [dispatches, work] = [dispatches + 1, work + cost];
  }
  return seconds.length > 0 ? [...ends, seconds.length] : ends;
}
