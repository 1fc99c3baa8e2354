// `wgslim bench`: measures and prints. A child of the same program measures each adapter and each pipeline.
import { isBenchChild, runBenchChild } from "../../bench/child.ts";
import { runBench } from "../../bench/run-bench.ts";
import { formatBench } from "../../bench/format.ts";
import { UsageError } from "../../base/errors.ts";
import { toFile } from "../../node-files.ts";
import { printNote, printText } from "../print.ts";

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
  // Opened first: a path that takes no file is no news to bring after minutes of measuring.
  const file = json === undefined ? undefined : await toFile(json, { force: true });
  try {
    const report = await runBench({ runs: count, ...(filter === undefined ? {} : { filter }), onNote: printNote });
    if (report.rows.length === 0 && filter !== undefined) {
      throw new UsageError(`Nothing was measured: no benchmark's name holds "${filter}".`, {
        hint: "Without --filter, bench lists all names, such as quantize int4 absmax.",
      });
    }
    printText(formatBench(report));
    await file?.writeAt(0, new TextEncoder().encode(`${JSON.stringify(report, undefined, 2)}\n`));
    await file?.commit();
  } catch (error) {
    await file?.discard();
    throw error;
  }
}
