// Compares records of mixed words: integers and order statistics exactly, sums within a tolerance.
import type { KernelSpec } from "../../src/kernels/kernel.ts";

export interface RecordLayout {
  readonly words: readonly string[];
  readonly recordBytes: number;
  /** Words that must have the same bits. */
  readonly exact: readonly string[];
  readonly tolerance: KernelSpec["tolerance"];
}

/** The first difference in words for a reader, or undefined. */
export function compareRecords(got: Uint8Array, want: Uint8Array, layout: RecordLayout): string | undefined {
  if (got.length !== want.length) return `${got.length} bytes, expected ${want.length}`;
  const [a, b] = [got, want].map((bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  for (let at = 0; at < got.length; at += 4) {
    const name = layout.words[(at % layout.recordBytes) / 4] ?? "?";
    const [x, y] = [a?.getUint32(at, true), b?.getUint32(at, true)];
    if (x === y) continue;
    const [g, w] = [a?.getFloat32(at, true) ?? NaN, b?.getFloat32(at, true) ?? NaN];
    const record = Math.floor(at / layout.recordBytes);
    if (layout.exact.includes(name) || layout.tolerance === "exact") {
      return `record ${record}, ${name}: got ${x} (f32 ${g}), expected ${y} (f32 ${w})`;
    }
    const allowed = layout.tolerance.relative * Math.max(Math.abs(w), layout.tolerance.floor);
    if (!(Math.abs(g - w) <= allowed)) return `record ${record}, ${name}: got ${g}, expected ${w}`;
  }
  return undefined;
}
