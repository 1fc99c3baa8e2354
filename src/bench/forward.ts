// The executor beside onnxruntime's WebGPU provider: one process, one adapter, in turn. Software adapters compute in
// this process's own threads, so there the processor's time is compared, which other programs do not lengthen; on
// hardware it is time on the clock.
import { openOnnx } from "../compress/open-model.ts";
import { loadOrt, type Ort } from "../cli/ort.ts";
import type { GpuContext } from "../device/context.ts";
import { openDevice } from "../device/node.ts";
import type { InputTensor } from "../evaluate/tensors.ts";
import { createExecutor } from "../execute/create.ts";
import { fromBytes } from "../formats/sources/memory.ts";
import { fromFile } from "../node-files.ts";
import { forwardCases, type ForwardCase } from "./forward-cases.ts";
import { median, type BenchJob, type BenchResult, type BenchRow } from "./types.ts";

const peer = "onnxruntime webgpu";

/** A timed stretch repeats a run until it takes about this long. */
const targetSeconds = 0.1;
const mostRepeats = 32;

interface Program {
  run(): Promise<unknown>;
  close(): Promise<void>;
}

/** Times every case whose name holds the filter. */
export async function benchForward(
  { runs, filter = "" }: Extract<BenchJob, { kind: "forward" }>,
  note: (text: string) => void,
): Promise<BenchResult> {
  const wanted = forwardCases.filter(({ name }) => name.includes(filter));
  const rows: BenchRow[] = [];
  const absent: string[] = [];
  if (wanted.length === 0) return { rows, absent };
  const gpu = await openDevice();
  try {
    const ort = await loadOrt();
    for (const each of wanted) {
      note(each.name);
      try {
        const row = await timeCase(gpu, ort, each, runs);
        if (row) rows.push(row);
        else absent.push(`${each.name}: its model is not on this machine`);
      } catch (error) {
        absent.push(`${each.name} on ${gpu.profile.description}: ${error instanceof Error ? error.message : error}`);
      }
    }
    return { rows, absent };
  } finally {
    gpu.dispose();
  }
}

async function timeCase(gpu: GpuContext, ort: Ort, each: ForwardCase, runs: number): Promise<BenchRow | undefined> {
  const model = await each.model();
  if (model === undefined) return undefined;
  const programs: Program[] = [];
  try {
    const own = await openOwn(gpu, model, each.inputs);
    programs.push(own);
    const other = await openPeer(ort, model, each.inputs);
    programs.push(other);
    const clock = gpu.profile.adapterClass === "hardware" ? onTheClock : processorTime;
    const [ownRepeats, otherRepeats] = [await warmUp(own, clock), await warmUp(other, clock)];
    const seconds: number[] = [];
    const ratios: number[] = [];
    for (let i = 0; i < runs; i++) {
      const before = await timed(other, otherRepeats, clock);
      const mine = await timed(own, ownRepeats, clock);
      const after = await timed(other, otherRepeats, clock);
      seconds.push(mine);
      ratios.push((before + after) / 2 / mine);
    }
    const speed = each.operations && `${(each.operations / median(seconds) / 1e9).toFixed(2)} GFLOPS`;
    return {
      adapter: gpu.profile.description,
      name: each.name,
      value: median(seconds) * 1000,
      unit: "ms",
      ratio: median(ratios),
      against: peer,
      spread: [Math.min(...ratios), Math.max(...ratios)],
      ...(speed ? { note: speed } : {}),
    };
  } finally {
    for (const program of programs) await program.close();
  }
}

async function openOwn(gpu: GpuContext, model: string | Uint8Array, inputs: readonly InputTensor[]): Promise<Program> {
  const source = typeof model === "string" ? await fromFile(model) : fromBytes("model.onnx", model);
  const executor = await createExecutor(await openOnnx(source), gpu);
  const given = Object.fromEntries(inputs.map(({ name, dims, data }) => [name, { dims, data }]));
  return {
    run: () => executor.run(given),
    close: async () => {
      executor.dispose();
      await source.close?.();
    },
  };
}

async function openPeer(ort: Ort, model: string | Uint8Array, inputs: readonly InputTensor[]): Promise<Program> {
  const settings = { executionProviders: ["webgpu"], logSeverityLevel: 4 as const };
  const session =
    typeof model === "string"
      ? await ort.InferenceSession.create(model, settings)
      : await ort.InferenceSession.create(model, settings);
  const feeds = Object.fromEntries(
    inputs.map(({ name, dtype, dims, data }) => [
      name,
      dtype === "i64"
        ? new ort.Tensor("int64", BigInt64Array.from(Array.from(data, BigInt)), dims)
        : new ort.Tensor("float32", Float32Array.from(data), dims),
    ]),
  );
  return { run: () => session.run(feeds), close: () => session.release() };
}

/** Seconds since some moment. */
type Clock = () => number;

const onTheClock: Clock = () => performance.now() / 1000;
const processorTime: Clock = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

async function timed(program: Program, repeats: number, clock: Clock): Promise<number> {
  const started = clock();
  for (let i = 0; i < repeats; i++) await program.run();
  return (clock() - started) / repeats;
}

/** Compiles and warms, then says how often to repeat. */
async function warmUp(program: Program, clock: Clock): Promise<number> {
  await program.run();
  const once = await timed(program, 1, clock);
  return Math.max(1, Math.min(mostRepeats, Math.round(targetSeconds / Math.max(once, 1e-5))));
}
