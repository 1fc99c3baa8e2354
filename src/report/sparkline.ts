// A histogram in one line of text.

const levels = "▁▂▃▄▅▆▇█";

/**
 * One character a value, scaled to the largest. Zero is the lowest bar and nothing else is, so that a rare
 * value still shows. Negative and non-finite values count as zero.
 * @example sparkline([0, 1, 8]) // "▁▂█"
 */
export function sparkline(values: readonly number[]): string {
  const clean = values.map((value) => (Number.isFinite(value) && value > 0 ? value : 0));
  const largest = clean.reduce((most, value) => Math.max(most, value), 0);
  return clean
    .map((value) => (value === 0 ? levels[0] : levels[Math.max(1, Math.ceil((value / largest) * 8) - 1)]))
    .join("");
}
