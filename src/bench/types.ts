// What a benchmark yields, as plain data: saved as JSON, so that two runs can be compared.

/** One line of the table. Figures are medians over the timed runs. */
export interface BenchRow {
  /** Adapter's description, or "CPU" for programs that use none. */
  readonly adapter: string;
  readonly name: string;
  readonly value: number;
  /** GB/s counts f32 input bytes, 10^9 a GB. */
  readonly unit: "GB/s" | "s" | "MiB" | "ms";
  /** Median over runs of this benchmark's speed divided by that of `against`, measured in turn with it. */
  readonly ratio?: number;
  readonly against?: string;
  /** Smallest and largest ratio of a single run. */
  readonly spread?: readonly [number, number];
  readonly note?: string;
}

export interface BenchReport {
  readonly version: string;
  readonly date: string;
  readonly machine: string;
  readonly runs: number;
  readonly rows: readonly BenchRow[];
  /** What was not measured, and why. */
  readonly absent: readonly string[];
}

/** What one child process measures. */
export type BenchJob =
  | { readonly kind: "kernels"; readonly runs: number; readonly filter?: string }
  | { readonly kind: "gpu.js"; readonly runs: number }
  | { readonly kind: "peers"; readonly runs: number; readonly filter?: string }
  | { readonly kind: "forward"; readonly runs: number; readonly filter?: string }
  | { readonly kind: "gptq"; readonly runs: number }
  | { readonly kind: "pipelines"; readonly runs: number; readonly filter?: string; readonly folder: string }
  /** One whole run alone in its process, for its peak of memory. */
  | { readonly kind: "memory"; readonly pipeline: string; readonly folder: string };

export interface BenchResult {
  readonly rows: readonly BenchRow[];
  readonly absent: readonly string[];
}

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
};
