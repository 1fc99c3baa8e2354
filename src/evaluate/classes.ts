// Do two classifiers agree? Works on outputs whose last axis holds class scores, as logits or as
// probabilities. Pure; knows no runtime.
import {
  bestClass,
  klDivergence,
  logProbabilities,
  rankOf,
  rowsAreProbabilities,
  type ScoreKind,
} from "./metrics/scores.ts";
import type { OutputTensor } from "./tensors.ts";

export interface ClassComparison {
  /** Length of the last axis. */
  readonly classes: number;
  /** Score vectors compared; rows with NaN or infinity are left out. */
  readonly rows: number;
  /** What the first model's rows are: already probabilities, or logits that a softmax turns into them. */
  readonly kind: ScoreKind;
  /** Mean over rows of KL(a || b) in nats. */
  readonly klDivergence: number;
  /** Largest of any row. */
  readonly maxKlDivergence: number;
  /** Share of rows with the same best class, 0 to 1; of equal scores the lowest class is the best. */
  readonly top1Agreement: number;
  /** Share of rows where a's best class is among b's five best; absent below six classes. */
  readonly top5Agreement?: number;
}

const namedLikeClasses = /logit|prob|score|softmax|class|label|pred/i;

/** Whether the last axis reads like classes: rows that sum to 1, or a name that says so. */
export function looksLikeClasses(output: OutputTensor): boolean {
  if ((output.dims.at(-1) ?? 1) < 2 || output.data.length === 0) return false;
  return namedLikeClasses.test(output.name) || rowsAreProbabilities(output.data, output.dims.at(-1) ?? 1);
}

/** Adds up pairs of outputs, row by row of the last axis. */
export interface ClassComparer {
  add(a: OutputTensor, b: OutputTensor): void;
  result(): ClassComparison;
}

/** Opens a comparison of classifiers; `sample`, an output of the first model, settles classes and kind. */
export function classComparer(sample: OutputTensor): ClassComparer {
  const classes = sample.dims.at(-1) ?? 1;
  const kind = rowsAreProbabilities(sample.data, classes) ? "probabilities" : "logits";
  let [rows, kl, maxKl, top1, top5] = [0, 0, 0, 0, 0];
  const share = (hits: number): number => (rows === 0 ? 0 : hits / rows);
  return {
    add(a, b) {
      for (let start = 0; start < a.data.length; start += classes) {
        const rowA = a.data.subarray(start, start + classes);
        const rowB = b.data.subarray(start, start + classes);
        if (!rowA.every(Number.isFinite) || !rowB.every(Number.isFinite)) continue;
        rows++;
        const divergence = klDivergence(logProbabilities(rowA, kind), logProbabilities(rowB, kind));
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
