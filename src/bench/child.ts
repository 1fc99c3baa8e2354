// The child's side of a benchmark: one job, measured in a process of its own, because a driver is chosen
// once a process, may take it down, and leaves its mark on the memory.
import type { BenchJob, BenchResult } from "./types.ts";

const jobVariable = "WGSLIM_BENCH_JOB";

/** Environment of a child with this job. */
export const jobEnvironment = (job: BenchJob): Record<string, string> => ({ [jobVariable]: JSON.stringify(job) });

/** Whether this process was started to measure. */
export const isBenchChild = (): boolean => process.send !== undefined && process.env[jobVariable] !== undefined;

/** What a child sends to its parent. */
export type ChildMessage = { readonly note: string } | { readonly result: BenchResult };

const note = (text: string): void => void process.send?.({ note: text } satisfies ChildMessage);

/** Measures the job and sends the result to the parent. */
export async function runBenchChild(): Promise<void> {
  const job = JSON.parse(process.env[jobVariable] ?? "") as BenchJob;
  const result = await measure(job);
  await new Promise<void>((resolve) => {
    process.send?.({ result } satisfies ChildMessage, undefined, undefined, () => resolve());
  });
}

async function measure(job: BenchJob): Promise<BenchResult> {
  if (job.kind === "kernels") return (await import("./kernels.ts")).benchKernels(job, note);
  if (job.kind === "peers") return (await import("./peers.ts")).benchPeers(job, note);
  if (job.kind === "forward") return (await import("./forward.ts")).benchForward(job, note);
  if (job.kind === "gptq") return (await import("./gptq.ts")).benchGptq(job.runs, note);
  if (job.kind === "gpu.js") return (await import("./gpu-js.ts")).benchGpuJs(job.runs);
  if (job.kind === "pipelines") return (await import("./pipelines.ts")).benchPipelines(job, note);
  return (await import("./pipelines.ts")).measureMemory(job);
}
