// Runs plans of copies in tests: sources by seed, results by target, and a backend that tells what it holds.
import type { KernelReference, KernelSpec } from "../../src/kernels/kernel.ts";
import { copyWordsReference } from "../../src/kernels/util/copy-words.ref.ts";
import { copyWordsSpec } from "../../src/kernels/util/copy-words.ts";
import type { WorkUnit } from "../../src/plan/types.ts";
import type { Backend, BackendSession } from "../../src/run/backend.ts";
import { CpuBackend } from "../../src/run/cpu-backend.ts";
import type { CpuBackendOptions } from "../../src/run/cpu-backend.ts";
import type { RunIo } from "../../src/run/run-plan.ts";
import { copyUnit } from "./plan-units.ts";

export const copySpecs: Readonly<Record<string, KernelSpec>> = { [copyWordsSpec.id]: copyWordsSpec };
const references: Readonly<Record<string, KernelReference>> = { [copyWordsSpec.id]: copyWordsReference };

export function cpuBackend(options?: CpuBackendOptions): CpuBackend {
  return new CpuBackend(references, options);
}

/** The bytes that stand at a place of a source: different for each source, never periodic in small powers of two. */
export function sourceByte(source: string, at: number): number {
  let hash = Math.imul(at + 1, 0x9e3779b1);
  for (const letter of source) hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 0x85ebca6b);
  return (hash ^ (hash >>> 15)) & 0xff;
}

export interface RecordedIo extends RunIo {
  readonly events: string[];
  readonly results: Map<string, Uint8Array>;
}

/** Keeps what is delivered, and the order of things. */
export function recordingIo(changes: Partial<RunIo> = {}): RecordedIo {
  const events: string[] = [];
  const results = new Map<string, Uint8Array>();
  return {
    events,
    results,
    read: async (source, ref, into, signal) => {
      events.push(`read ${source}`);
      await changes.read?.(source, ref, into, signal);
      const bytes = new Uint8Array(ref.rows * ref.rowBytes);
      for (let row = 0; row < ref.rows; row++) {
        for (let column = 0; column < ref.rowBytes; column++) {
          bytes[row * ref.rowBytes + column] = sourceByte(source, ref.offset + row * ref.rowStride + column);
        }
      }
      into.set(bytes);
    },
    ...(changes.digest ? { digest: changes.digest } : {}),
    deliver: async (unit, delivered) => {
      events.push(`deliver ${unit}`);
      await changes.deliver?.(unit, delivered);
      for (const [target, bytes] of delivered) results.set(`${unit}/${target}`, bytes);
    },
  };
}

/** Passes everything on, and remembers the session. */
export function watched(backend: Backend): { readonly backend: Backend; readonly sessions: BackendSession[] } {
  const sessions: BackendSession[] = [];
  const open: Backend["open"] = async (program) => {
    const session = await backend.open(program);
    sessions.push(session);
    return session;
  };
  return { backend: { profile: backend.profile, open }, sessions };
}

/** Units of many sizes, with odd ends, chains of kernels, zeroed sums and tables. */
export function mixedUnits(): WorkUnit[] {
  const sizes = [3, 70_001, 16, 1_000_003, 1, 4096, 300_000, 12_345, 999, 600_002, 1_000_003, 64];
  return sizes.map((bytes, index) => {
    const unit = copyUnit(`u${index}`, bytes, index % 5);
    return index % 3 === 1 ? withExtras(unit, bytes, index) : unit;
  });
}

function withExtras(unit: WorkUnit, bytes: number, index: number): WorkUnit {
  const data = { kind: "read", source: `s${index}`, offset: 5, rowBytes: bytes, rows: 1, rowStride: bytes } as const;
  return {
    ...unit,
    buffers: { ...unit.buffers, sums: 48, table: 64 },
    zeroed: ["sums"],
    uploads: [
      { buffer: "b0", data },
      { buffer: "table", data: { kind: "inline", words: [index, 0xffffffff, 7] } },
    ],
    downloads: [
      ...unit.downloads,
      { buffer: "sums", offset: 4, bytes: 30, target: "sums" },
      { buffer: "table", offset: 0, bytes: 64, target: "table" },
      { buffer: "b0", offset: Math.floor(bytes / 4) * 4, bytes: 4, target: "tail" },
    ],
  };
}
