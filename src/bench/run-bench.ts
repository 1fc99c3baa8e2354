// Runs all benchmarks: kernels and pipelines on each software adapter and on hardware where there is one,
// peers once; each in a child process, one after the other, since they share the machine.
import { fork } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { setUpDriver, type DriverName } from "../device/node-drivers.ts";
import { wgslimVersion } from "../version.ts";
import { jobEnvironment, type ChildMessage } from "./child.ts";
import { pipelineNames } from "./pipeline-names.ts";
import type { BenchJob, BenchReport, BenchResult } from "./types.ts";

export interface BenchOptions {
  readonly runs: number;
  /** Only benchmarks whose name holds this text. */
  readonly filter?: string;
  /** Progress, a line each. */
  readonly onNote?: (text: string) => void;
}

const drivers: readonly DriverName[] = ["hardware", "llvmpipe", "swiftshader"];

/** Measures everything there is on this machine. */
export async function runBench(options: BenchOptions): Promise<BenchReport> {
  const { runs, filter, onNote } = options;
  const part = { runs, ...(filter === undefined ? {} : { filter }) };
  const results: BenchResult[] = [];
  const folder = await mkdtemp(join(tmpdir(), "wgslim-bench-"));
  try {
    for (const driver of drivers) {
      const setup = await setUpDriver(driver);
      if (!setup.ready) {
        results.push({ rows: [], absent: [`${driver}: ${setup.missing}`] });
        continue;
      }
      const jobs: BenchJob[] = [
        { kind: "kernels", ...part },
        { kind: "forward", ...part },
        ...("gptq layer".includes(filter ?? "") ? [{ kind: "gptq", runs } as const] : []),
        ...("gpu.js quantize".includes(filter ?? "") ? [{ kind: "gpu.js", runs } as const] : []),
        { kind: "pipelines", ...part, folder },
        ...pipelineNames
          .filter((name) => filter === undefined || name.includes(filter))
          .map((pipeline) => ({ kind: "memory", pipeline, folder }) as const),
      ];
      for (const job of jobs) results.push(await runChild(driver, job, onNote, setup.manifest));
    }
    results.push(await runChild(undefined, { kind: "peers", ...part }, onNote));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const [processor] = cpus();
  return {
    version: wgslimVersion,
    date: new Date().toISOString(),
    machine: `${processor?.model.trim() ?? process.arch} × ${cpus().length}, Node ${process.version}`,
    runs,
    rows: results.flatMap(({ rows }) => rows),
    absent: results.flatMap(({ absent }) => absent),
  };
}

function runChild(
  driver: DriverName | undefined,
  job: BenchJob,
  onNote?: (text: string) => void,
  manifest?: string,
): Promise<BenchResult> {
  const program = process.argv[1] ?? "";
  const label = `${driver ?? "CPU"} ${job.kind === "memory" ? `${job.kind} of ${job.pipeline}` : job.kind}`;
  return new Promise((resolve) => {
    const child = fork(program, ["bench"], {
      env: {
        ...process.env,
        ...jobEnvironment(job),
        ...(driver ? { WGSLIM_ADAPTER: driver } : {}),
        // For a peer with a WebGPU of its own.
        ...(manifest === undefined ? {} : { VK_ICD_FILENAMES: manifest }),
      },
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    let result: BenchResult | undefined;
    let errors = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (errors += text));
    child.on("message", (message: ChildMessage) => {
      if ("result" in message) result = message.result;
      else onNote?.(`${driver ?? "CPU"}: ${message.note}`);
    });
    child.on("close", (code, signal) => {
      const lines = errors.trim().split("\n");
      const why = lines.find((line) => /error/i.test(line)) ?? lines.at(-1) ?? "";
      resolve(result ?? { rows: [], absent: [`${label}: the process ended with ${signal ?? code}. ${why}`] });
    });
  });
}
