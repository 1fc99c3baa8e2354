// Runs a compression plan on a backend: reads weights, packs them, writes the output file in place, proves
// it, applies the quality gate, and only then makes the file visible. Streams: no more than the plan's
// rings is in memory at once.
import type { ByteSink } from "../base/bytes.ts";
import { InternalError, NonFiniteError, QualityGateError, throwIfAborted } from "../base/errors.ts";
import type { PendingTarget } from "../formats/onnx/write.ts";
import { foldErrorRecords } from "../kernels/quantize/error-fold.ts";
import type { ErrorStatistics } from "../kernels/quantize/error-sums.ts";
import { rangeWarning } from "../methods/quantize/onnx/half-constants.ts";
import type { UnitResult } from "../methods/quantize/units.ts";
import type { Backend } from "../run/backend.ts";
import type { CheckpointStore } from "../run/checkpoint.ts";
import { runPlan } from "../run/run-plan.ts";
import type { CompressionPlan, PlannedTensor } from "./plan-compression.ts";
import { JobSources } from "./job-sources.ts";
import { proofProgress, type CompressionProgress } from "./progress.ts";

export interface QualityGate {
  /** Lowest signal-to-noise ratio of any tensor, dB. */
  readonly minSqnrDb?: number;
  /** Lowest cosine similarity of any tensor, -1 to 1. */
  readonly minCosine?: number;
}

export interface RunCompressionOptions {
  readonly output: ByteSink;
  readonly signal?: AbortSignal;
  /** Called while weights are packed, and again while the written file is proved. */
  readonly onProgress?: (progress: CompressionProgress) => void;
  /** Called when one tensor is done, with what it lost. */
  readonly onTensor?: (tensor: TensorResult) => void;
  readonly checkpoint?: CheckpointStore;
  readonly gate?: QualityGate;
  /** Looks at the tensors when all are packed, before the file is proved; what it throws ends the run. */
  readonly onPacked?: (tensors: readonly TensorResult[]) => void;
}

export interface TensorResult extends PlannedTensor {
  readonly statistics: ErrorStatistics;
}

export interface CompressionResult {
  readonly tensors: readonly TensorResult[];
  readonly seconds: number;
  readonly outputBytes: number;
  /** What only the values could tell: casts that left the range, and infinities that were kept. */
  readonly warnings: readonly string[];
}

/**
 * Carries a plan out. The output is committed only when everything held.
 * @throws NonFiniteError for NaN or infinite weights; ProofError; QualityGateError; DeviceLostError (run again
 *   with the same checkpoint on a fresh device); OutOfMemoryError; IoError; AbortedError. The output is then
 *   discarded and an earlier file of its name untouched.
 */
export async function runCompression(
  plan: CompressionPlan,
  backend: Backend,
  options: RunCompressionOptions,
): Promise<CompressionResult> {
  const started = performance.now();
  const { output, signal, gate, onProgress } = options;
  const { job } = plan;
  const byUnit = new Map(job.results.map((result) => [result.unit, result]));
  const statistics = new Map<string, ErrorStatistics>();
  const tracker = new TensorTracker(plan, options.onTensor);
  const hasher = options.checkpoint?.hasher?.bind(options.checkpoint);
  const sources = new JobSources(job.sources, hasher);
  try {
    throwIfAborted(signal);
    const { writeLayout } = await import("../formats/onnx/write.ts");
    const written = await writeLayout(job.layout, output, signal ? { signal } : {});
    await runPlan(
      plan.plan,
      backend,
      {
        read: (_, ref, into) => sources.read(ref, into, signal),
        ...(hasher ? { digest: (ref) => sources.digest(ref, signal) } : {}),
        deliver: async (unit, results) => {
          const result = byUnit.get(unit);
          // A unit that prepares others has nothing for the file.
          if (!result && results.size === 0) return;
          if (!result) throw new InternalError(`No unit "${unit}".`);
          const records = results.get(result.records);
          if (!records) throw new InternalError(`Unit "${unit}" delivered no error records.`);
          const found = foldErrorRecords(records);
          // A cast keeps infinities (masks hold them); scales cannot.
          if (found.nonFinite > 0 && result.packed.encoding.kind !== "cast")
            throw nonFinite(result, found, plan.input.name);
          await writeParts(result, results, written);
          statistics.set(unit, found);
          tracker.add(result, records);
        },
      },
      {
        ...(signal ? { signal } : {}),
        ...(onProgress ? { onProgress: (progress) => onProgress({ phase: "pack", ...progress }) } : {}),
        ...(options.checkpoint ? { checkpoint: options.checkpoint } : {}),
      },
    );
    const tensors = tracker.finished();
    options.onPacked?.(tensors);
    const fingerprints = new Map([...statistics].map(([unit, { fingerprint }]) => [unit, fingerprint]));
    const file = await output.asSource();
    try {
      const proved = onProgress && proofProgress(job.results, onProgress);
      await (await import("./proof.ts")).proveExport(file, job.results, fingerprints, signal, proved);
    } finally {
      await file.close?.();
    }
    checkGate(tensors, gate);
    throwIfAborted(signal);
    await output.commit();
    await options.checkpoint?.clear();
    return {
      tensors,
      seconds: (performance.now() - started) / 1000,
      outputBytes: plan.output.bytes,
      warnings: [...castWarnings(tensors), ...lossWarnings(tensors)],
    };
  } catch (error) {
    await output.discard();
    throw error;
  }
}

const smallestNormalHalf = 2 ** -14;

function castWarnings(tensors: readonly TensorResult[]): string[] {
  const warnings: string[] = [];
  for (const { name, format, statistics } of tensors) {
    if (format !== "fp16") continue;
    const clipped = Math.round(statistics.clippedShare * statistics.count);
    const kept = statistics.nonFinite;
    if (clipped > 0) warnings.push(rangeWarning(name, clipped));
    const largest = Math.max(statistics.maxSource, -statistics.minSource);
    if (largest > 0 && largest < smallestNormalHalf) {
      warnings.push(`"${name}": its largest value is ${largest.toPrecision(3)}; f16 keeps little of it.`);
    }
    if (kept > 0) warnings.push(`"${name}": ${kept} values are NaN or infinite, and were kept so.`);
  }
  return warnings;
}

/** Below this a tensor's error is far beyond what so many bits cost. */
const poorSqnrDb = (format: string): number => (format.endsWith("8") ? 15 : 3);

/** Names tensors whose values do not fit their format: too large or too small for its scales, or too few bits. */
function lossWarnings(tensors: readonly TensorResult[]): string[] {
  return tensors
    .filter(
      ({ format, statistics: { sqnrDb, mse } }) => format !== "fp16" && mse !== 0 && !(sqnrDb >= poorSqnrDb(format)),
    )
    .map(({ name, format, statistics: { sqnrDb, minSource, maxSource } }) => {
      const span = `${minSource.toPrecision(3)} to ${maxSource.toPrecision(3)}`;
      const ratio = Number.isFinite(sqnrDb) ? ` (SQNR ${sqnrDb.toFixed(1)} dB)` : "";
      return `"${name}": ${format} keeps little of its values, which span ${span}${ratio}.`;
    });
}

async function writeParts(
  result: UnitResult,
  results: ReadonlyMap<string, Uint8Array>,
  written: ReadonlyMap<string, PendingTarget>,
): Promise<void> {
  for (const name of ["codes", "scales", "zeroPoints"] as const) {
    const target = result.parts[name];
    const part = result.packed.parts[name];
    const placement = result.chunk.placements[name];
    if (target === undefined || !part || !placement) continue;
    const bytes = results.get(target);
    const place = written.get(part.key);
    if (!bytes || !place || bytes.length < placement.rowBytes * placement.rows) {
      throw new InternalError(
        `Unit "${result.unit}" delivered ${bytes?.length ?? 0} bytes of ${name}, planned ${placement.rowBytes * placement.rows}.`,
      );
    }
    for (let row = 0; row < placement.rows; row++) {
      const run = bytes.subarray(row * placement.rowBytes, (row + 1) * placement.rowBytes);
      await place.sink.writeAt(place.offset + placement.offset + row * placement.stride, run);
    }
  }
}

function nonFinite(
  { packed, chunk }: UnitResult,
  { nonFinite: count, firstNonFinite = 0 }: ErrorStatistics,
  file: string,
): NonFiniteError {
  const size = packed.sourceType === "f32" ? 4 : 2;
  const { offset, rowBytes, rowStride } = chunk.read;
  const [rowIndex, column] = chunk.transpose
    ? [firstNonFinite % chunk.transpose.rows, Math.floor(firstNonFinite / chunk.transpose.rows)]
    : [Math.floor(firstNonFinite / (rowBytes / size)), firstNonFinite % (rowBytes / size)];
  const stride = chunk.transpose && rowStride === 0 ? chunk.transpose.cols : rowStride / size;
  const index = offset / size + rowIndex * stride + column;
  return new NonFiniteError(
    `${file}: weight "${packed.source}" holds ${count} values that are NaN or infinite, the first at element ${index}.`,
    {
      hint: 'Fix the model, or leave the weight float with a rule: --rule "NAME=skip".',
      details: { file, tensor: packed.source, count, firstIndex: index },
    },
  );
}

function checkGate(tensors: readonly TensorResult[], gate: QualityGate | undefined): void {
  for (const { name, statistics } of tensors) {
    const { sqnrDb, cosine } = statistics;
    const below =
      gate?.minSqnrDb !== undefined && sqnrDb < gate.minSqnrDb
        ? `SQNR ${sqnrDb.toFixed(2)} dB is below ${gate.minSqnrDb} dB`
        : gate?.minCosine !== undefined && cosine < gate.minCosine
          ? `cosine ${cosine.toFixed(6)} is below ${gate.minCosine}`
          : undefined;
    if (below === undefined) continue;
    throw new QualityGateError(`Tensor "${name}": ${below}. No output was written.`, {
      hint: "Give this tensor more bits or smaller blocks with a rule, or lower the gate.",
      details: { tensor: name, sqnrDb, cosine },
    });
  }
}

/** Collects chunk statistics into tensors, and tells when a tensor is whole. */
class TensorTracker {
  readonly #plan: CompressionPlan;
  readonly #onTensor: ((tensor: TensorResult) => void) | undefined;
  readonly #records = new Map<string, Uint8Array[]>();
  readonly #missing = new Map<string, number>();
  readonly #tensorOf = new Map<string, PlannedTensor>();
  readonly #done = new Map<string, TensorResult>();

  constructor(plan: CompressionPlan, onTensor: ((tensor: TensorResult) => void) | undefined) {
    this.#plan = plan;
    this.#onTensor = onTensor;
    for (const tensor of plan.tensors) {
      for (const id of tensor.packed) this.#tensorOf.set(id, tensor);
    }
    for (const { packed } of plan.job.results) {
      const name = this.#tensorOf.get(packed.id)?.name ?? packed.id;
      this.#missing.set(name, (this.#missing.get(name) ?? 0) + 1);
    }
  }

  add({ packed }: UnitResult, records: Uint8Array): void {
    const tensor = this.#tensorOf.get(packed.id);
    if (!tensor) return;
    const all = [...(this.#records.get(tensor.name) ?? []), records.slice()];
    this.#records.set(tensor.name, all);
    const missing = (this.#missing.get(tensor.name) ?? 1) - 1;
    this.#missing.set(tensor.name, missing);
    if (missing > 0) return;
    // Records fold over chunks as they do over segments; only indices and the fingerprint are per chunk.
    const result = { ...tensor, statistics: foldErrorRecords(concatenate(all)) };
    this.#records.delete(tensor.name);
    this.#done.set(tensor.name, result);
    this.#onTensor?.(result);
  }

  /** All tensors in the plan's order. */
  finished(): readonly TensorResult[] {
    return this.#plan.tensors.flatMap(({ name }) => this.#done.get(name) ?? []);
  }
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
