// A plan as plain, serialisable data. Methods produce work units; the planner turns them into a linear,
// pipelined schedule over memory slots; `run` executes that. Nothing here knows a device.
import type { AdapterClass } from "../base/profile.ts";
import type { SlotSize } from "../base/slot.ts";
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

/** Bytes of a unit's buffer, from its start, that lie at `offset` of a kept buffer between units. */
export interface Kept {
  readonly buffer: string;
  /** Name of the kept buffer, unique within the run. */
  readonly kept: string;
  /** In bytes, multiples of 4. */
  readonly offset: number;
  readonly bytes: number;
}

/**
 * One chunk of one tensor's work: the grain of progress, abort, checkpoint and retry.
 * Uploads and what it uses come first, then the steps in order, then what it keeps and the downloads.
 */
export interface WorkUnit {
  readonly id: string;
  /** For progress: the tensor, and which chunk of how many. */
  readonly label: string;
  /** Device buffers by name, local to the unit, in bytes (multiples of 4). */
  readonly buffers: Readonly<Record<string, number>>;
  /**
   * Buffers that must start as zeros. What an upload does not cover is zeroed as well; any other byte
   * that no step has written is left over from an earlier unit.
   */
  readonly zeroed?: readonly string[];
  readonly uploads: readonly Upload[];
  readonly steps: readonly Step[];
  readonly downloads: readonly Download[];
  /**
   * Small results of earlier units that never leave the device, such as the range of a group whose chunks are encoded
   * one by one: copied into the unit's own buffers, which must not be uploaded to or zeroed.
   */
  readonly uses?: readonly Kept[];
  /** What later units use. The kept buffer lives until the last of them is done. */
  readonly keeps?: readonly Kept[];
}

/** A copy, a clear or a dispatch on the device. Slots are numbers of `Plan.slots`. */
export type Command = CopyCommand | ClearCommand | DispatchCommand;

export interface CopyCommand {
  readonly kind: "copy";
  readonly from: number;
  readonly fromOffset: number;
  readonly to: number;
  readonly toOffset: number;
  /** A multiple of 4, like the offsets. */
  readonly bytes: number;
}

/** Fills a range with zeros. */
export interface ClearCommand {
  readonly kind: "clear";
  readonly slot: number;
  readonly offset: number;
  readonly bytes: number;
}

export interface DispatchCommand {
  readonly kind: "dispatch";
  /** Index into `Plan.calls`. */
  readonly call: number;
  /** Uniform slot and the offset of this call's params in it, a multiple of 256. */
  readonly params: { readonly slot: number; readonly offset: number };
  /** Storage bindings in the kernel's order; each binds the first `bytes` of its slot. */
  readonly bindings: readonly { readonly slot: number; readonly bytes: number }[];
}

/** One step of a plan. They run in this order; `fill` goes on in the background until its batch's first submit. */
export type PlanOp =
  | { readonly kind: "create"; readonly slots: readonly number[] }
  | { readonly kind: "destroy"; readonly slots: readonly number[] }
  | { readonly kind: "fill"; readonly batch: number; readonly slot: number }
  | { readonly kind: "submit"; readonly batch: number; readonly commands: readonly Command[]; readonly seconds: number }
  | { readonly kind: "take"; readonly batch: number; readonly slot?: number };

/** Units that travel together: one upload slot, one readback slot, as few submits as the work allows. */
export interface PlanBatch {
  /** Indices into `Plan.units`. */
  readonly units: readonly number[];
  /** Calls whose params open the upload slot, `paramsStride` bytes each. */
  readonly params: readonly number[];
  readonly uploads: readonly {
    readonly unit: number;
    readonly data: ReadRef | InlineRef;
    readonly offset: number;
    readonly bytes: number;
  }[];
  readonly downloads: readonly {
    readonly unit: number;
    readonly target: string;
    readonly offset: number;
    readonly bytes: number;
  }[];
  readonly uploadBytes: number;
  readonly downloadBytes: number;
}

export interface PlanUnit {
  readonly id: string;
  readonly label: string;
  /** Bytes that the unit reads from its sources. */
  readonly bytesIn: number;
  /** Kept buffers that it needs from earlier units, and that it writes; absent where there are none. */
  readonly uses?: readonly string[];
  readonly keeps?: readonly string[];
}

/** A whole run as plain data: what is read, where it lies, what is computed, in which order. */
export interface Plan {
  readonly version: 1;
  /** SHA-256 of the work units: the same work has the same fingerprint under any budget that leaves its chunks alone. */
  readonly fingerprint: string;
  readonly adapterClass: AdapterClass;
  readonly memoryBudget?: number;
  readonly units: readonly PlanUnit[];
  readonly calls: readonly KernelCall[];
  readonly batches: readonly PlanBatch[];
  readonly slots: readonly SlotSize[];
  readonly ops: readonly PlanOp[];
  /** Most bytes that exist on the device at once, staging included. */
  readonly peakDeviceBytes: number;
  /** The largest sum of live bytes at any step: no plan in this order can do with less. */
  readonly lowerBoundBytes: number;
  /** What it would take to give every buffer its own memory. */
  readonly unsharedBytes: number;
  readonly dispatches: number;
  readonly submits: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** A rough figure from the adapter's class, for batching and progress. */
  readonly estimatedSeconds: number;
  readonly warnings: readonly string[];
}

/** Distance of two calls' params in an upload or uniform slot: WebGPU's largest offset alignment. */
export const paramsStride = 256;
