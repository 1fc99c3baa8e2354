// Carries out a plan: walks its operations in order, fills in the background, hands results out, and leaves
// nothing behind whatever happens. The only place where a plan meets a backend.
import { AbortedError, InternalError, throwIfAborted } from "../base/errors.ts";
import type { Plan, PlanOp, ReadRef } from "../plan/types.ts";
import type { Backend, BackendSession } from "./backend.ts";
import type { CheckpointLog, CheckpointStore } from "./checkpoint.ts";
import { fillBatch, splitResults } from "./fill.ts";
import type { ReadSource } from "./fill.ts";
import { remainingOps, UnitSources } from "./resume.ts";

export interface RunIo {
  readonly read: ReadSource;
  /**
   * Receives a unit's results by target, in the plan's order of units; none of a unit that only keeps something on the
   * device. The arrays are the host's own. A run that resumes delivers the units of its checkpoint again, first.
   */
  deliver(unit: string, results: ReadonlyMap<string, Uint8Array>): Promise<void>;
  /**
   * Digest of the bytes behind a read, for the checkpoint: a kept result counts only while its sources are the same.
   * Called when `read` of the same reference has ended, and by a run that resumes without any such read.
   */
  digest?(ref: ReadRef): Promise<string>;
}

export interface RunProgress {
  /** The unit that has just been delivered, and its label. */
  readonly unit: string;
  readonly label: string;
  /** Units delivered, of all. */
  readonly done: number;
  readonly total: number;
  /** Bytes read by those units, of all. */
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

export interface RunOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: RunProgress) => void;
  /** Remembers delivered units. The caller clears it when the whole result is safe. */
  readonly checkpoint?: CheckpointStore;
}

export interface RunReport {
  readonly units: number;
  /** Units that came out of the checkpoint. */
  readonly resumedUnits: number;
  readonly dispatches: number;
  readonly submits: number;
  /** Most bytes that were allocated at once; the plan's peak, unless the run was resumed. */
  readonly peakDeviceBytes: number;
  readonly seconds: number;
}

/**
 * Runs a plan from start to end.
 *
 * @throws AbortedError; DeviceLostError (run the same plan again with the same checkpoint on a fresh device);
 *   OutOfMemoryError with details neededBytes, availableBytes; GpuError; UsageError for another plan's
 *   checkpoint; and whatever `io` throws. All device memory is released before.
 */
export async function runPlan(plan: Plan, backend: Backend, io: RunIo, options: RunOptions = {}): Promise<RunReport> {
  const { signal, checkpoint } = options;
  const started = performance.now();
  throwIfAborted(signal);
  // Loaded for those who keep one.
  const log = checkpoint && (await (await import("./checkpoint.ts")).CheckpointLog.open(checkpoint, plan.fingerprint));
  const run = new Run(plan, io, options, log);
  try {
    await run.resume();
    const session = await backend.open(plan);
    try {
      return await run.execute(session, started);
    } finally {
      session.dispose();
    }
  } catch (error) {
    if (signal?.aborted && !(error instanceof AbortedError)) throw new AbortedError(undefined, { cause: error });
    throw error;
  } finally {
    run.end();
  }
}

class Run {
  readonly #plan: Plan;
  readonly #io: RunIo;
  readonly #options: RunOptions;
  readonly #log: CheckpointLog | undefined;
  readonly #delivered = new Set<number>();
  readonly #fills = new Map<number, { readonly slot: number; readonly filled: Promise<void> }>();
  readonly #ended = new AbortController();
  readonly #sources: UnitSources;
  #bytesDone = 0;

  constructor(plan: Plan, io: RunIo, options: RunOptions, log: CheckpointLog | undefined) {
    this.#plan = plan;
    this.#io = io;
    this.#options = options;
    this.#log = log;
    this.#sources = new UnitSources(plan, async (ref) => (await io.digest?.(ref)) ?? "");
  }

  /** Delivers what the checkpoint holds. */
  async resume(): Promise<void> {
    if (!this.#log) return;
    const indexOf = new Map(this.#plan.units.map(({ id }, index) => [id, index]));
    for await (const { unit, source, results } of this.#log.entries()) {
      throwIfAborted(this.#options.signal);
      const index = indexOf.get(unit);
      if (index === undefined || this.#delivered.has(index)) continue;
      // Made from other bytes, it is computed again and its fresh entry comes later in the log.
      if (source === (await this.#sources.of(index))) await this.#deliver(index, results);
    }
  }

  async execute(session: BackendSession, started: number): Promise<RunReport> {
    const plan = this.#plan;
    const resumedUnits = this.#delivered.size;
    const ops = remainingOps(plan, this.#delivered);
    let [dispatches, submits] = [0, 0];
    for (const op of ops) {
      throwIfAborted(this.#options.signal);
      if (op.kind === "create") await session.create(op.slots);
      else if (op.kind === "destroy") await session.destroy(op.slots);
      else if (op.kind === "fill") this.#startFill(session, op);
      else if (op.kind === "take") await this.#take(session, op);
      else {
        await this.#awaitFill(session, op.batch);
        throwIfAborted(this.#options.signal);
        await session.submit(op.commands);
        submits += 1;
        dispatches += op.commands.filter(({ kind }) => kind === "dispatch").length;
      }
    }
    await session.finish();
    const { peakBytes } = session;
    if (resumedUnits === 0 && peakBytes !== plan.peakDeviceBytes) {
      throw new InternalError(`A plan of ${plan.peakDeviceBytes} bytes took ${peakBytes}.`);
    }
    const seconds = (performance.now() - started) / 1000;
    return { units: plan.units.length, resumedUnits, dispatches, submits, peakDeviceBytes: peakBytes, seconds };
  }

  /** Tells reads under way that nobody waits for them any more. */
  end(): void {
    this.#ended.abort();
  }

  #startFill(session: BackendSession, { batch: index, slot }: Extract<PlanOp, { kind: "fill" }>): void {
    const batch = this.#plan.batches[index];
    if (!batch) throw new InternalError(`A plan fills batch ${index}, which it does not have.`);
    const filled = fillBatch(session, batch, slot, this.#io.read, this.#ended.signal);
    // It may fail long before it is awaited, or after the run has failed for another reason.
    filled.catch(() => undefined);
    this.#fills.set(index, { slot, filled });
  }

  async #awaitFill(session: BackendSession, batch: number): Promise<void> {
    const fill = this.#fills.get(batch);
    if (!fill) return;
    // A read that writes to memory of a lost device fails first, and the news of the loss comes second.
    await this.#unlessAborted(session.guard(fill.filled));
    this.#fills.delete(batch);
    session.unmap(fill.slot);
  }

  async #take(session: BackendSession, { batch: index, slot }: Extract<PlanOp, { kind: "take" }>): Promise<void> {
    const batch = this.#plan.batches[index];
    if (!batch) throw new InternalError(`A plan takes batch ${index}, which it does not have.`);
    if (slot === undefined) await this.#unlessAborted(session.finish());
    const bytes =
      slot === undefined ? new Uint8Array(0) : await this.#unlessAborted(session.read(slot, batch.downloadBytes));
    for (const [unit, results] of splitResults(batch, bytes)) {
      if (this.#delivered.has(unit)) continue;
      throwIfAborted(this.#options.signal);
      await this.#deliver(unit, results);
      const id = this.#plan.units[unit]?.id ?? "";
      if (this.#log) await this.#log.append({ unit: id, source: await this.#sources.of(unit), results });
    }
  }

  async #deliver(index: number, results: ReadonlyMap<string, Uint8Array>): Promise<void> {
    const plan = this.#plan;
    const unit = plan.units[index];
    if (!unit) throw new InternalError(`A plan delivers unit ${index}, which it does not have.`);
    await this.#io.deliver(unit.id, results);
    this.#delivered.add(index);
    this.#bytesDone += unit.bytesIn;
    this.#options.onProgress?.({
      unit: unit.id,
      label: unit.label,
      done: this.#delivered.size,
      total: plan.units.length,
      bytesDone: this.#bytesDone,
      bytesTotal: plan.bytesIn,
    });
  }

  /** Waits for a promise, but no longer than the caller wants the run. */
  #unlessAborted<T>(promise: Promise<T>): Promise<T> {
    const { signal } = this.#options;
    if (!signal) return promise;
    return new Promise<T>((resolve, reject) => {
      const onAbort = (): void => reject(new AbortedError(undefined, { cause: signal.reason }));
      if (signal.aborted) onAbort();
      signal.addEventListener("abort", onAbort, { once: true });
      promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
    });
  }
}
