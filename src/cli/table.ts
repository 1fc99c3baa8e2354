// Plain text tables: columns as wide as their longest cell, numbers to the right.

const numeric = /^[-+]?[\d.]+(?:e[-+]?\d+)?(?:\s?(?:%|dB|[KMGT]?i?B))?$/i;

/** A table with a rule under its head; cells longer than `maxCell` are shortened in the middle. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[], maxCell = 60): string {
  const cells = rows.map((row) => row.map((cell) => shorten(cell, maxCell)));
  const widths = head.map((title, i) => cells.reduce((most, row) => Math.max(most, row[i]?.length ?? 0), title.length));
  const right = head.map((_, i) => cells.length > 0 && cells.every((row) => numeric.test(row[i] ?? "")));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => (right[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join("  ")
      .trimEnd();
  return [line(head), widths.map((width) => "-".repeat(width)).join("  "), ...cells.map(line)].join("\n");
}

function shorten(text: string, most: number): string {
  if (text.length <= most) return text;
  const half = Math.floor((most - 3) / 2);
  return `${text.slice(0, half)}...${text.slice(-half)}`;
}
