// How far one model's outputs lie from another's, as plain data. Pure: arrays in, numbers out.
// Must not know which runtime made the outputs, nor files. All sums are f64.
import { elementCount } from "../base/dtypes.ts";
import { UsageError } from "../base/errors.ts";
import { classComparer, looksLikeClasses, type ClassComparer, type ClassComparison } from "./classes.ts";
import type { OutputTensor } from "./tensors.ts";

/** `a` is the original, `b` the model judged. Elements that are NaN or infinite in either are left out of all sums. */
export interface OutputComparison {
  readonly name: string;
  readonly dims: readonly number[];
  readonly count: number;
  /** NaN and infinite elements. */
  readonly nonFiniteA: number;
  readonly nonFiniteB: number;
  /** Largest |a - b|. */
  readonly maxAbsError: number;
  readonly meanAbsError: number;
  /** Largest |a - b| over largest |a|; 0 when both are 0. */
  readonly maxRelativeError: number;
  /** ||a - b|| / ||a||, Euclidean; 0 when both are 0, Infinity when only a is. */
  readonly relativeError: number;
  /** a . b / (||a|| ||b||); 1 when both are 0, 0 when one is. */
  readonly cosine: number;
  /** 10 log10(sum a^2 / sum (a - b)^2) in dB; Infinity when equal. */
  readonly sqnrDb: number;
  /** Where the last axis holds classes. */
  readonly classes?: ClassComparison;
}

export interface CompareOptions {
  /** Whether the last axis holds classes; `auto` asks `looksLikeClasses`. */
  readonly classes?: "auto" | "always" | "never";
}

/** Adds up pairs of outputs of one name, one pair a run. */
export interface OutputComparer {
  /** @throws UsageError where dims differ or do not fit the data */
  add(a: OutputTensor, b: OutputTensor): void;
  /** Figures over all pairs so far; `dims` are the first pair's, `count` counts all elements. */
  result(): OutputComparison;
}

/** Opens a comparison of one output over several runs; memory does not grow with runs. */
export function outputComparer(options: CompareOptions = {}): OutputComparer {
  let first: OutputTensor | undefined;
  let classes: ClassComparer | undefined;
  let [count, compared, nonFiniteA, nonFiniteB] = [0, 0, 0, 0];
  let [maxAbsError, sumAbsError, maxA, squaresA, squaresB, squaresError, dot] = [0, 0, 0, 0, 0, 0, 0];
  return {
    add(a, b) {
      checkPair(a, b);
      if (!first) {
        first = a;
        const wanted = options.classes ?? "auto";
        const asked = wanted === "always" || (wanted === "auto" && looksLikeClasses(a));
        if (asked && (a.dims.at(-1) ?? 1) > 1) classes = classComparer(a);
      }
      for (let index = 0; index < a.data.length; index++) {
        const x = a.data[index] ?? 0;
        const y = b.data[index] ?? 0;
        const [okA, okB] = [Number.isFinite(x), Number.isFinite(y)];
        if (!okA) nonFiniteA++;
        if (!okB) nonFiniteB++;
        if (!okA || !okB) continue;
        compared++;
        const error = Math.abs(x - y);
        if (error > maxAbsError) maxAbsError = error;
        if (Math.abs(x) > maxA) maxA = Math.abs(x);
        sumAbsError += error;
        squaresA += x * x;
        squaresB += y * y;
        squaresError += error * error;
        dot += x * y;
      }
      count += a.data.length;
      classes?.add(a, b);
    },
    result: () => ({
      name: first?.name ?? "",
      dims: [...(first?.dims ?? [])],
      count,
      nonFiniteA,
      nonFiniteB,
      maxAbsError,
      meanAbsError: compared === 0 ? 0 : sumAbsError / compared,
      maxRelativeError: ratio(maxAbsError, maxA),
      relativeError: ratio(Math.sqrt(squaresError), Math.sqrt(squaresA)),
      cosine: squaresError === 0 ? 1 : cosineOf(dot, squaresA, squaresB),
      sqnrDb: squaresError === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(squaresA / squaresError),
      ...(classes && { classes: classes.result() }),
    }),
  };
}

function checkPair(a: OutputTensor, b: OutputTensor): void {
  if (a.dims.length !== b.dims.length || a.dims.some((dim, axis) => dim !== b.dims[axis])) {
    const shapes = `[${a.dims.join(", ")}] in one model, [${b.dims.join(", ")}] in the other`;
    throw new UsageError(`Output "${a.name}" is ${shapes}.`, {
      hint: "Compare models that give outputs of the same shape for the same inputs.",
      details: { output: a.name },
    });
  }
  const count = elementCount(a.dims);
  if (a.data.length !== count || b.data.length !== count) {
    throw new UsageError(
      `Output "${a.name}" has ${a.data.length} and ${b.data.length} elements for ${count} in its shape.`,
    );
  }
}

/**
 * Compares one output of one run.
 * @throws UsageError where dims differ or do not fit the data
 * @example compareOutput({ name: "y", dims: [2], data: a }, { name: "y", dims: [2], data: b }).cosine
 */
export function compareOutput(a: OutputTensor, b: OutputTensor, options: CompareOptions = {}): OutputComparison {
  const comparer = outputComparer(options);
  comparer.add(a, b);
  return comparer.result();
}

const ratio = (error: number, size: number): number => (error === 0 ? 0 : error / size);

function cosineOf(dot: number, squaresA: number, squaresB: number): number {
  if (squaresA === 0 || squaresB === 0) return 0;
  return Math.max(-1, Math.min(1, dot / (Math.sqrt(squaresA) * Math.sqrt(squaresB))));
}

export interface OutputsComparison {
  readonly outputs: readonly OutputComparison[];
  /** Outputs that only one of the two has. */
  readonly onlyInA: readonly string[];
  readonly onlyInB: readonly string[];
  /** Sentences for the user: NaN in outputs, missing outputs. */
  readonly warnings: readonly string[];
}

/** Adds up runs of two models, output by output. */
export interface OutputsComparer {
  /** One run. @throws UsageError where an output's dims differ */
  add(a: readonly OutputTensor[], b: readonly OutputTensor[]): void;
  result(): OutputsComparison;
}

/** Opens a comparison of all outputs by name, over any number of runs. */
export function outputsComparer(options: CompareOptions = {}): OutputsComparer {
  const comparers = new Map<string, OutputComparer>();
  const onlyInA = new Set<string>();
  const onlyInB = new Set<string>();
  return {
    add(a, b) {
      const byName = new Map(b.map((output) => [output.name, output]));
      for (const output of a) {
        const other = byName.get(output.name);
        byName.delete(output.name);
        if (!other) {
          onlyInA.add(output.name);
          continue;
        }
        const comparer = comparers.get(output.name) ?? outputComparer(options);
        comparers.set(output.name, comparer);
        comparer.add(output, other);
      }
      for (const name of byName.keys()) onlyInB.add(name);
    },
    result() {
      const outputs = [...comparers.values()].map((comparer) => comparer.result());
      const warnings = outputs.flatMap(nonFiniteWarning);
      for (const name of onlyInA) warnings.push(`Output "${name}" is missing in the second model.`);
      for (const name of onlyInB)
        warnings.push(`Output "${name}" is only in the second model: nothing to compare with.`);
      return { outputs, onlyInA: [...onlyInA], onlyInB: [...onlyInB], warnings };
    },
  };
}

/**
 * Compares all outputs of one run of two models by name.
 * @throws UsageError where an output's dims differ
 */
export function compareOutputs(
  a: readonly OutputTensor[],
  b: readonly OutputTensor[],
  options: CompareOptions = {},
): OutputsComparison {
  const comparer = outputsComparer(options);
  comparer.add(a, b);
  return comparer.result();
}

function nonFiniteWarning({ name, count, nonFiniteA, nonFiniteB }: OutputComparison): string[] {
  if (nonFiniteA === 0 && nonFiniteB === 0) return [];
  const where =
    nonFiniteA > 0 && nonFiniteB > 0
      ? `in both models (${nonFiniteA} and ${nonFiniteB} of ${count} elements)`
      : `in the ${nonFiniteA > 0 ? "first" : "second"} model (${Math.max(nonFiniteA, nonFiniteB)} of ${count} elements)`;
  const why = nonFiniteA > 0 ? " These inputs may not suit the model: give real ones." : "";
  return [`Output "${name}" has NaN or infinity ${where}; the figures cover the rest.${why}`];
}
