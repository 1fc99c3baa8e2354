// Do two classifiers agree? Works on outputs whose last axis holds class scores, as logits or as
// probabilities. Pure; knows no runtime.
import type { OutputTensor } from "./tensors.ts";

export interface ClassComparison {
  /** Length of the last axis. */
  readonly classes: number;
  /** Score vectors compared; rows with NaN or infinity are left out. */
  readonly rows: number;
  /** What the first model's rows are: already probabilities, or logits that a softmax turns into them. */
  readonly kind: "probabilities" | "logits";
  /** Mean over rows of KL(a || b) in nats. */
  readonly klDivergence: number;
  /** Largest of any row. */
  readonly maxKlDivergence: number;
  /** Share of rows with the same best class, 0 to 1; of equal scores the lowest class is the best. */
  readonly top1Agreement: number;
  /** Share of rows where a's best class is among b's five best; absent below six classes. */
  readonly top5Agreement?: number;
}

/** Probabilities below this count as this in logarithms: an f32 softmax underflows to 0. */
const smallestProbability = 1e-12;

const namedLikeClasses = /logit|prob|score|softmax|class|label|pred/i;

/** Whether the last axis reads like classes: rows that sum to 1, or a name that says so. */
export function looksLikeClasses(output: OutputTensor): boolean {
  if ((output.dims.at(-1) ?? 1) < 2 || output.data.length === 0) return false;
  return namedLikeClasses.test(output.name) || rowsAreProbabilities(output);
}

function rowsAreProbabilities({ dims, data }: OutputTensor): boolean {
  const classes = dims.at(-1) ?? 1;
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

/** Adds up pairs of outputs, row by row of the last axis. */
export interface ClassComparer {
  add(a: OutputTensor, b: OutputTensor): void;
  result(): ClassComparison;
}

/** Opens a comparison of classifiers; `sample`, an output of the first model, settles classes and kind. */
export function classComparer(sample: OutputTensor): ClassComparer {
  const classes = sample.dims.at(-1) ?? 1;
  const kind = rowsAreProbabilities(sample) ? "probabilities" : "logits";
  let [rows, kl, maxKl, top1, top5] = [0, 0, 0, 0, 0];
  const share = (hits: number): number => (rows === 0 ? 0 : hits / rows);
  return {
    add(a, b) {
      for (let start = 0; start < a.data.length; start += classes) {
        const rowA = a.data.subarray(start, start + classes);
        const rowB = b.data.subarray(start, start + classes);
        if (!rowA.every(Number.isFinite) || !rowB.every(Number.isFinite)) continue;
        rows++;
        const divergence = klDivergence(distribution(rowA, kind), distribution(rowB, kind));
        kl += divergence;
        maxKl = Math.max(maxKl, divergence);
        const rank = rankOf(rowB, bestClass(rowA));
        if (rank === 0) top1++;
        if (rank < 5) top5++;
      }
    },
    result: () => ({
      classes,
      rows,
      kind,
      klDivergence: share(kl),
      maxKlDivergence: maxKl,
      top1Agreement: share(top1),
      ...(classes > 5 && { top5Agreement: share(top5) }),
    }),
  };
}

/** Index of the largest score, the lowest of equals. */
export function bestClass(row: Float32Array | Float64Array): number {
  let best = 0;
  for (let index = 1; index < row.length; index++) {
    if ((row[index] ?? 0) > (row[best] ?? 0)) best = index;
  }
  return best;
}

/** How many classes come before `target`, by score and then by index. */
function rankOf(row: Float32Array | Float64Array, target: number): number {
  const score = row[target] ?? 0;
  let before = 0;
  for (const [index, value] of row.entries()) {
    if (value > score || (value === score && index < target)) before++;
  }
  return before;
}

/** Softmax of logits; probabilities are scaled to sum to 1. */
function distribution(row: Float32Array | Float64Array, kind: ClassComparison["kind"]): Float64Array {
  let largest = Number.NEGATIVE_INFINITY;
  for (const value of row) largest = Math.max(largest, value);
  const weights = Float64Array.from(row, (value) =>
    kind === "logits" ? Math.exp(value - largest) : Math.max(0, value),
  );
  const sum = weights.reduce((total, value) => total + value, 0);
  return sum === 0 ? weights.fill(1 / weights.length) : weights.map((value) => value / sum);
}

/** KL(p || q) in nats, never below 0 for rounding. */
function klDivergence(p: Float64Array, q: Float64Array): number {
  let sum = 0;
  for (const [index, value] of p.entries()) {
    if (value <= 0) continue;
    const other = Math.max(q[index] ?? 0, smallestProbability);
    sum += value * Math.log(Math.max(value, smallestProbability) / other);
  }
  return Math.max(0, sum);
}
