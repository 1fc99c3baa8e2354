// Spearman's rank correlation: Pearson's correlation of the ranks, ties sharing their mean rank (Spearman, 1904).

/**
 * -1 to 1; undefined where one side is constant or fewer than two pairs are given. NaN ranks nowhere: give none.
 * @example spearman([1, 2, 3], [10, 100, 1000]) // 1
 */
export function spearman(x: ArrayLike<number>, y: ArrayLike<number>): number | undefined {
  return pearson(meanRanks(x), meanRanks(y));
}

/** Ranks from 1; equal values share the mean of theirs. */
export function meanRanks(values: ArrayLike<number>): Float64Array {
  const order = Uint32Array.from({ length: values.length }, (_, index) => index);
  const at = (index: number): number => values[index] ?? 0;
  order.sort((a, b) => at(a) - at(b));
  const ranks = new Float64Array(values.length);
  for (let start = 0; start < order.length;) {
    let end = start + 1;
    while (end < order.length && at(order[end] ?? 0) === at(order[start] ?? 0)) end++;
    for (let index = start; index < end; index++) ranks[order[index] ?? 0] = (start + 1 + end) / 2;
    start = end;
  }
  return ranks;
}

/** Pearson's correlation; undefined where one side is constant. */
export function pearson(x: Float64Array, y: Float64Array): number | undefined {
  const count = Math.min(x.length, y.length);
  const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / count;
  const [meanX, meanY] = [mean(x), mean(y)];
  let [both, squaresX, squaresY] = [0, 0, 0];
  for (let index = 0; index < count; index++) {
    const [dx, dy] = [(x[index] ?? 0) - meanX, (y[index] ?? 0) - meanY];
    both += dx * dy;
    squaresX += dx * dx;
    squaresY += dy * dy;
  }
  if (!(squaresX > 0 && squaresY > 0)) return undefined;
  return Math.max(-1, Math.min(1, both / Math.sqrt(squaresX * squaresY)));
}
