// `wgslim bench`: measures and prints. A child of the same program measures each adapter and each pipeline.
import { isBenchChild, runBenchChild } from "../../bench/child.ts";
import { runBench } from "../../bench/run-bench.ts";
import { formatBench } from "../../bench/format.ts";
import { writeFile } from "node:fs/promises";
import { UsageError } from "../../base/errors.ts";

export interface BenchFlags {
  readonly filter?: string;
  /** Timed runs of each benchmark. */
  readonly runs: string;
  /** File that takes the figures. */
  readonly json?: string;
}

export async function bench({ filter, runs, json }: BenchFlags): Promise<void> {
  if (isBenchChild()) return runBenchChild();
  const count = Number(runs);
  if (!Number.isInteger(count) || count < 1 || count > 1000) {
    throw new UsageError(`--runs ${runs} is not a count of runs.`, { hint: "Give a number from 1 to 1000." });
  }
  const report = await runBench({
    runs: count,
    ...(filter === undefined ? {} : { filter }),
    onNote: (text) => process.stderr.write(`${text}\n`),
  });
  process.stdout.write(`${formatBench(report)}\n`);
  if (json !== undefined) await writeFile(json, `${JSON.stringify(report, undefined, 2)}\n`);
}
