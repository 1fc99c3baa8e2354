// Sizes in bytes as people write them: "256MiB", "1.5 GiB", "1GB", "4096".
// KB, MB, GB, TB are powers of 1000; KiB, MiB, GiB, TiB (and K, M, G, T alone) are powers of 1024.
import { UsageError } from "./errors.ts";

const units: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 2 ** 10,
  kib: 2 ** 10,
  kb: 1e3,
  m: 2 ** 20,
  mib: 2 ** 20,
  mb: 1e6,
  g: 2 ** 30,
  gib: 2 ** 30,
  gb: 1e9,
  t: 2 ** 40,
  tib: 2 ** 40,
  tb: 1e12,
};

/**
 * Reads a size as a whole number of bytes, rounded down.
 *
 * @example parseBytes("1.5 GiB") // 1610612736
 * @throws UsageError for anything but a positive, finite amount in a known unit
 */
export function parseBytes(size: string | number): number {
  const [, amount, unit] = /^\s*(\d+(?:\.\d+)?|\.\d+)\s*([a-z]*)\s*$/i.exec(String(size)) ?? [];
  const factor = unit === undefined ? undefined : units[unit.toLowerCase()];
  const bytes = amount === undefined || factor === undefined ? Number.NaN : Math.floor(Number(amount) * factor);
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw new UsageError(`"${size}" is not a size in bytes.`, {
    hint: 'Write a positive amount with a unit, for example "256MiB", "1.5 GiB" or "1GB".',
    details: { value: String(size) },
  });
}

/**
 * Writes a byte count for people: at most three significant digits, in powers of 1024.
 *
 * @example formatBytes(1610612736) // "1.5 GiB"
 */
export function formatBytes(bytes: number): string {
  const names = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let step = 0;
  // 1023.5 would print as 1024, so step on before that.
  while (Math.abs(value) >= 1023.5 && step < names.length - 1) {
    value /= 1024;
    step += 1;
  }
  const digits = step === 0 || Math.abs(value) >= 99.95 ? 0 : Math.abs(value) >= 9.995 ? 1 : 2;
  return `${Number(value.toFixed(digits))} ${names[step] ?? "B"}`;
}
