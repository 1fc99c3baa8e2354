// The typed errors of wgslim. One pattern of words everywhere: what happened, where, what to do.
// `code` is stable and meant for programs, `hint` says what to do, `details` is plain data.

export type ErrorCode =
  | "FORMAT" // a file is malformed, truncated or hostile
  | "UNSUPPORTED" // valid input that wgslim does not handle
  | "USAGE" // an option or argument is wrong
  | "NON_FINITE" // NaN or infinity where numbers are needed
  | "NO_ADAPTER" // no WebGPU adapter can be had
  | "DEVICE_LOST" // the device went away
  | "OUT_OF_MEMORY" // the budget or the device is too small
  | "GPU" // validation or internal error reported by WebGPU
  | "IO" // reading or writing failed (full disk, no permission, network)
  | "ABORTED" // the caller's signal fired
  | "QUALITY_GATE" // the result is worse than the user allows
  | "PROOF" // a written file does not decode to what was computed
  | "INTERNAL"; // a bug in wgslim

export type ErrorDetails = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

export interface ErrorOptions {
  /** What the reader can do about it, one sentence. */
  hint?: string;
  /** Where and how much: file, node, tensor, kernel, neededBytes, availableBytes, limit … */
  details?: ErrorDetails;
  cause?: unknown;
}

/** Base of every error that wgslim throws on purpose. */
export class WgslimError extends Error {
  override readonly name: string = "WgslimError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.details = options.details ?? {};
  }
}

/** A file breaks its format's rules. `details.file` names it. */
export class FormatError extends WgslimError {
  override readonly name = "FormatError";
  constructor(message: string, options?: ErrorOptions) {
    super("FORMAT", message, options);
  }
}

/** Input is valid but outside what wgslim handles. */
export class UnsupportedError extends WgslimError {
  override readonly name = "UnsupportedError";
  constructor(message: string, options?: ErrorOptions) {
    super("UNSUPPORTED", message, options);
  }
}

/** A wrong option, argument or combination of them. */
export class UsageError extends WgslimError {
  override readonly name = "UsageError";
  constructor(message: string, options?: ErrorOptions) {
    super("USAGE", message, options);
  }
}

/** A tensor holds NaN or infinity. Details: tensor, count, firstIndex. */
export class NonFiniteError extends WgslimError {
  override readonly name = "NonFiniteError";
  constructor(message: string, options?: ErrorOptions) {
    super("NON_FINITE", message, options);
  }
}

/** No WebGPU adapter; the message lists the ways out. */
export class NoAdapterError extends WgslimError {
  override readonly name = "NoAdapterError";
  constructor(message: string, options?: ErrorOptions) {
    super("NO_ADAPTER", message, options);
  }
}

/** The GPU device was lost; a run can go on from its checkpoint on a fresh device. */
export class DeviceLostError extends WgslimError {
  override readonly name = "DeviceLostError";
  constructor(message: string, options?: ErrorOptions) {
    super("DEVICE_LOST", message, options);
  }
}

/** Memory does not suffice. Details: neededBytes, availableBytes. */
export class OutOfMemoryError extends WgslimError {
  override readonly name = "OutOfMemoryError";
  constructor(message: string, options?: ErrorOptions) {
    super("OUT_OF_MEMORY", message, options);
  }
}

/** WebGPU reported a validation or internal error. Details: kernel where known. */
export class GpuError extends WgslimError {
  override readonly name = "GpuError";
  constructor(message: string, options?: ErrorOptions) {
    super("GPU", message, options);
  }
}

/** Reading or writing failed outside wgslim: disk, permission, network. */
export class IoError extends WgslimError {
  override readonly name = "IoError";
  constructor(message: string, options?: ErrorOptions) {
    super("IO", message, options);
  }
}

/** The caller's AbortSignal fired. */
export class AbortedError extends WgslimError {
  override readonly name = "AbortedError";
  constructor(message = "The run was aborted.", options?: ErrorOptions) {
    super("ABORTED", message, options);
  }
}

/** The result misses the quality that the user asked for. */
export class QualityGateError extends WgslimError {
  override readonly name = "QualityGateError";
  constructor(message: string, options?: ErrorOptions) {
    super("QUALITY_GATE", message, options);
  }
}

/** A written file, read again, does not decode to what the device computed. */
export class ProofError extends WgslimError {
  override readonly name = "ProofError";
  constructor(message: string, options?: ErrorOptions) {
    super("PROOF", message, options);
  }
}

/** A broken promise of our own code. */
export class InternalError extends WgslimError {
  override readonly name = "InternalError";
  constructor(message: string, options?: ErrorOptions) {
    super("INTERNAL", message, {
      hint: "This is a bug in wgslim; please report it with the file or call that led here.",
      ...options,
    });
  }
}

/** Throws AbortedError if the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new AbortedError(undefined, { cause: signal.reason });
}
