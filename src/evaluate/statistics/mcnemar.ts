// McNemar's test of two classifiers on the same samples (McNemar, 1947): only the samples that one gets right and the
// other wrong count. Few of them: the exact binomial test. Many: chi-square with Edwards' continuity correction (1948).
import { UsageError } from "../../base/errors.ts";
import { normalUpper } from "./normal.ts";

export interface McNemarResult {
  /** Samples that only the first gets right. */
  readonly onlyFirst: number;
  /** Samples that only the second gets right. */
  readonly onlySecond: number;
  readonly method: "exact" | "chi-square";
  /** Chi-square with one degree of freedom; absent for the exact test. */
  readonly statistic?: number;
  /** Two-sided probability of a split as uneven, were both equally good; 1 where they never differ. */
  readonly pValue: number;
}

/** Fewer differing samples than this are tested exactly. */
const exactBelow = 25;

/**
 * @param onlyFirst samples that the first gets right and the second wrong
 * @param onlySecond samples that the second gets right and the first wrong
 * @throws UsageError where one is no count
 * @example mcnemar(10, 2).pValue // 0.0386
 */
export function mcnemar(onlyFirst: number, onlySecond: number): McNemarResult {
  for (const count of [onlyFirst, onlySecond]) {
    if (!Number.isSafeInteger(count) || count < 0) throw new UsageError(`${count} is not a number of samples.`);
  }
  const differing = onlyFirst + onlySecond;
  if (differing < exactBelow) {
    const tail = binomialTail(differing, Math.min(onlyFirst, onlySecond));
    return { onlyFirst, onlySecond, method: "exact", pValue: Math.min(1, 2 * tail) };
  }
  const statistic = Math.max(0, Math.abs(onlyFirst - onlySecond) - 1) ** 2 / differing;
  return { onlyFirst, onlySecond, method: "chi-square", statistic, pValue: 2 * normalUpper(Math.sqrt(statistic)) };
}

/** P(X <= k) for X the heads of n fair coins, n small enough for every term to be exact. */
function binomialTail(n: number, k: number): number {
  let [choose, sum] = [1, 1];
  for (let heads = 1; heads <= k; heads++) {
    choose = (choose * (n - heads + 1)) / heads;
    sum += choose;
  }
  return sum / 2 ** n;
}
