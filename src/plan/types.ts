// A plan as plain, serialisable data. Methods produce work units; the planner turns them into a linear,
// pipelined schedule over memory slots; `run` executes that. Nothing here knows a device.
import type { KernelCall } from "../kernels/kernel.ts";

/** Bytes to fetch from an input: `rows` runs of `rowBytes`, `rowStride` apart, laid end to end. */
export interface ReadRef {
  readonly kind: "read";
  /** Key that the caller's IO resolves to a source (tensor name, unique within the run). */
  readonly source: string;
  readonly offset: number;
  readonly rowBytes: number;
  readonly rows: number;
  readonly rowStride: number;
}

/** A small constant table made by the method, as u32 words. */
export interface InlineRef {
  readonly kind: "inline";
  readonly words: readonly number[];
}

export interface Upload {
  readonly buffer: string;
  readonly data: ReadRef | InlineRef;
}

export interface Step {
  readonly call: KernelCall;
  /** Unit buffer names, in the order of the kernel's storage bindings. */
  readonly bindings: readonly string[];
}

export interface Download {
  readonly buffer: string;
  readonly offset: number;
  readonly bytes: number;
  /** Key under which the caller's IO receives the bytes. */
  readonly target: string;
}

/**
 * One chunk of one tensor's work: the grain of progress, abort, checkpoint and retry.
 * Uploads happen first, then the steps in order, then the downloads.
 */
export interface WorkUnit {
  readonly id: string;
  /** For progress: the tensor, and which chunk of how many. */
  readonly label: string;
  /** Device buffers by name, local to the unit, in bytes (multiples of 4). */
  readonly buffers: Readonly<Record<string, number>>;
  readonly uploads: readonly Upload[];
  readonly steps: readonly Step[];
  readonly downloads: readonly Download[];
}
