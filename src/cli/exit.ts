// How a command ends: errors to stderr in one pattern, and the exit codes that scripts rely on.
import { WgslimError } from "../base/errors.ts";

export const exitCodes = { done: 0, failed: 1, usage: 2, qualityGate: 3, interrupted: 130 } as const;

export function exitCodeOf(error: unknown): number {
  if (!(error instanceof WgslimError)) return exitCodes.failed;
  if (error.code === "USAGE") return exitCodes.usage;
  if (error.code === "QUALITY_GATE") return exitCodes.qualityGate;
  return error.code === "ABORTED" ? exitCodes.interrupted : exitCodes.failed;
}

/** One paragraph for a reader: what happened, what to do; the stack only where it is our own bug. */
export function describeError(error: unknown): string {
  if (error instanceof WgslimError) {
    const hint = error.hint ? `\n  ${error.hint}` : "";
    const stack = error.code === "INTERNAL" && error.stack ? `\n${error.stack}` : "";
    return `wgslim: ${error.message}${hint}${stack}`;
  }
  return `wgslim: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}
