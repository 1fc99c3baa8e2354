// One row of class scores: which class wins, what rank a class has, and the distribution that the row stands for.
// All sums are f64.

export type ScoreRow = Float32Array | Float64Array;

/** What scores are: probabilities already, or logits that a softmax turns into them. */
export type ScoreKind = "probabilities" | "logits";

/** Probabilities below this count as this in logarithms: an f32 softmax underflows to 0. */
const smallestProbability = 1e-12;

/** Index of the largest score, the lowest of equals. */
export function bestClass(row: ScoreRow): number {
  let best = 0;
  for (let index = 1; index < row.length; index++) {
    if ((row[index] ?? 0) > (row[best] ?? 0)) best = index;
  }
  return best;
}

/** How many classes come before `target`, by score and then by index. */
export function rankOf(row: ScoreRow, target: number): number {
  const score = row[target] ?? 0;
  let before = 0;
  for (let index = 0; index < row.length; index++) {
    const value = row[index] ?? 0;
    if (value > score || (value === score && index < target)) before++;
  }
  return before;
}

/** Whether every row of `classes` scores lies in 0 to 1 and sums to 1, within what f32 rounds. */
export function rowsAreProbabilities(data: ScoreRow, classes: number): boolean {
  for (let start = 0; start < data.length; start += classes) {
    let sum = 0;
    for (let index = start; index < start + classes; index++) {
      const value = data[index] ?? 0;
      if (!(value >= 0 && value <= 1 + 1e-3)) return false;
      sum += value;
    }
    if (Math.abs(sum - 1) > 1e-3) return false;
  }
  return data.length > 0;
}

/** Whether a row stands for a distribution: no NaN, no +Infinity, and not all of it -Infinity (a masked class). */
export function isDistribution(row: ScoreRow): boolean {
  let largest = Number.NEGATIVE_INFINITY;
  for (const value of row) {
    if (Number.isNaN(value)) return false;
    if (value > largest) largest = value;
  }
  return Number.isFinite(largest);
}

/**
 * Natural logarithms of the probabilities: log-softmax of logits, exact far below where a probability would
 * underflow; probabilities are scaled to sum to 1 first.
 */
export function logProbabilities(row: ScoreRow, kind: ScoreKind): Float64Array {
  if (kind === "logits") {
    const normalizer = logSumExp(row);
    return Float64Array.from(row, (value) => value - normalizer);
  }
  let sum = 0;
  for (const value of row) sum += Math.max(0, value);
  return Float64Array.from(row, (value) =>
    Math.log(sum === 0 ? 1 / row.length : Math.max(Math.max(0, value) / sum, smallestProbability)),
  );
}

/** ln sum exp(x), without overflow. */
export function logSumExp(row: ScoreRow): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (const value of row) if (value > largest) largest = value;
  let sum = 0;
  for (const value of row) sum += Math.exp(value - largest);
  return largest + Math.log(sum);
}

/**
 * Kullback-Leibler divergence KL(p || q) = sum p (ln p - ln q) in nats, of log-probabilities; never below 0 for
 * rounding, Infinity where q rules out what p allows.
 */
export function klDivergence(logP: Float64Array, logQ: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < logP.length; index++) {
    const log = logP[index] ?? 0;
    const probability = Math.exp(log);
    if (probability > 0) sum += probability * (log - (logQ[index] ?? 0));
  }
  return Math.max(0, sum);
}
