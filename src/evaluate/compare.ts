// How far one model's outputs lie from another's, as plain data. Pure: arrays in, numbers out.
// Must not know which runtime made the outputs, nor files. All sums are f64.
import { elementCount } from "../base/dtypes.ts";
import { UsageError } from "../base/errors.ts";
import { compareClasses, looksLikeClasses, type ClassComparison } from "./classes.ts";
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

/**
 * Compares one output.
 * @throws UsageError where dims differ or do not fit the data
 * @example compareOutput({ name: "y", dims: [2], data: a }, { name: "y", dims: [2], data: b }).cosine
 */
export function compareOutput(a: OutputTensor, b: OutputTensor, options: CompareOptions = {}): OutputComparison {
  const count = elementCount(a.dims);
  if (a.dims.length !== b.dims.length || a.dims.some((dim, axis) => dim !== b.dims[axis])) {
    throw new UsageError(
      `Output "${a.name}" is [${a.dims.join(", ")}] in one model, [${b.dims.join(", ")}] in the other.`,
      {
        hint: "Compare models that give outputs of the same shape for the same inputs.",
        details: { output: a.name },
      },
    );
  }
  if (a.data.length !== count || b.data.length !== count) {
    throw new UsageError(
      `Output "${a.name}" has ${a.data.length} and ${b.data.length} elements for ${count} in its shape.`,
    );
  }
  let nonFiniteA = 0;
  let nonFiniteB = 0;
  let compared = 0;
  let [maxAbsError, sumAbsError, maxA, squaresA, squaresB, squaresError, dot] = [0, 0, 0, 0, 0, 0, 0];
  for (let index = 0; index < count; index++) {
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
  const classes = options.classes ?? "auto";
  const lastAxis = a.dims.at(-1) ?? 1;
  const withClasses = lastAxis > 1 && (classes === "always" || (classes === "auto" && looksLikeClasses(a)));
  return {
    name: a.name,
    dims: [...a.dims],
    count,
    nonFiniteA,
    nonFiniteB,
    maxAbsError,
    meanAbsError: compared === 0 ? 0 : sumAbsError / compared,
    maxRelativeError: ratio(maxAbsError, maxA),
    relativeError: ratio(Math.sqrt(squaresError), Math.sqrt(squaresA)),
    cosine: squaresError === 0 ? 1 : cosineOf(dot, squaresA, squaresB),
    sqnrDb: squaresError === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(squaresA / squaresError),
    ...(withClasses && { classes: compareClasses(a, b) }),
  };
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

/**
 * Compares all outputs of two models by name.
 * @throws UsageError where an output's dims differ
 */
export function compareOutputs(
  a: readonly OutputTensor[],
  b: readonly OutputTensor[],
  options: CompareOptions = {},
): OutputsComparison {
  const byName = new Map(b.map((output) => [output.name, output]));
  const names = new Set(a.map((output) => output.name));
  const onlyInA = a.filter((output) => !byName.has(output.name)).map((output) => output.name);
  const onlyInB = b.filter((output) => !names.has(output.name)).map((output) => output.name);
  const outputs = a.flatMap((output) => {
    const other = byName.get(output.name);
    return other ? [compareOutput(output, other, options)] : [];
  });
  const warnings = outputs.flatMap(nonFiniteWarning);
  for (const name of onlyInA) warnings.push(`Output "${name}" is missing in the second model.`);
  for (const name of onlyInB)
    warnings.push(`Output "${name}" is new in the second model and has nothing to compare with.`);
  return { outputs, onlyInA, onlyInB, warnings };
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
