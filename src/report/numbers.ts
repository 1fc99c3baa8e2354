// How reports write numbers, and the few sums that all renderings share.
import type { FileFacts, QuantizeReport, TensorReport } from "./types.ts";

/** One decimal; "exact" for infinity. */
export function formatDb(sqnrDb: number): string {
  if (Number.isFinite(sqnrDb)) return sqnrDb.toFixed(1);
  return sqnrDb > 0 ? "exact" : "none";
}

/** Cosines crowd below 1: six decimals, cut rather than rounded, so that 1 means 1. */
export const formatCosine = (cosine: number): string => (Math.floor(cosine * 1e6) / 1e6).toFixed(6);

export const formatError = (error: number): string => (error === 0 ? "0" : error.toExponential(2));

export const formatPercent = (share: number): string => `${(100 * share).toFixed(1)} %`;

export const formatSeconds = (seconds: number): string =>
  seconds < 120
    ? `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`
    : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;

/** Of a file and its data files together. */
export const bytesWithData = ({ bytes, dataFiles = [] }: FileFacts): number =>
  dataFiles.reduce((sum, file) => sum + file.bytes, bytes);

export interface ReportTotals {
  /** Output bytes over input bytes, data files included. */
  readonly share: number;
  readonly packedBefore: number;
  readonly packedAfter: number;
  /** "int8 ×12, int4 ×3". */
  readonly formats: string;
  readonly worst: TensorReport | undefined;
}

export function totalsOf({ input, output, tensors }: QuantizeReport): ReportTotals {
  const formats = new Map<string, number>();
  for (const { format } of tensors) formats.set(format, (formats.get(format) ?? 0) + 1);
  const [first] = worstTensors(tensors, 1);
  return {
    share: input.bytes === 0 ? 1 : bytesWithData(output) / bytesWithData(input),
    packedBefore: tensors.reduce((sum, tensor) => sum + tensor.bytesBefore, 0),
    packedAfter: tensors.reduce((sum, tensor) => sum + tensor.bytesAfter, 0),
    formats: [...formats].map(([format, count]) => `${format} ×${count}`).join(", "),
    worst: first,
  };
}

/** The tensors with the lowest SQNR, worst first. */
export function worstTensors(tensors: readonly TensorReport[], count: number): readonly TensorReport[] {
  return tensors.toSorted((a, b) => (a.sqnrDb === b.sqnrDb ? 0 : a.sqnrDb - b.sqnrDb)).slice(0, count);
}

/** Names of skipped weights by reason: many share one. */
export function groupSkipped(skipped: QuantizeReport["skipped"]): ReadonlyMap<string, readonly string[]> {
  const byReason = new Map<string, string[]>();
  for (const { name, reason } of skipped) {
    const names = byReason.get(reason) ?? [];
    names.push(name);
    byReason.set(reason, names);
  }
  return byReason;
}
