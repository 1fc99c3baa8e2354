// Plain text tables: columns as wide as their longest cell, numbers to the right, one line a row.
import { shorten, visible } from "./escape.ts";

const numeric = /^(?:[-+]?[\d.]+(?:e[-+]?\d+)?(?:\s?(?:%|dB|ms|s|[KMGT]?i?B))?|exact|none|-)$/i;

/**
 * A table with a rule under its head. Longer cells are shortened in the middle.
 * @example formatTable(["layer", "bytes"], [["fc1", "12 KiB"]])
 */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[], maxCell = 60): string {
  const cells = rows.map((row) => row.map((cell) => shorten(visible(cell), maxCell)));
  const widths = head.map((title, column) =>
    cells.reduce((most, row) => Math.max(most, widthOf(row[column] ?? "")), widthOf(title)),
  );
  const right = head.map((_, column) => cells.length > 0 && cells.every((row) => numeric.test(row[column] ?? "")));
  const line = (row: readonly string[]): string =>
    widths
      .map((width, column) => {
        const cell = row[column] ?? "";
        const gap = " ".repeat(width - widthOf(cell));
        return right[column] ? gap + cell : cell + gap;
      })
      .join("  ")
      .trimEnd();
  return [line(head), widths.map((width) => "-".repeat(width)).join("  "), ...cells.map(line)].join("\n");
}

/** Columns on a terminal: Han, kana, hangul and full-width forms take two. */
function widthOf(text: string): number {
  let width = 0;
  for (const character of text) {
    width += /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/.test(
      character,
    )
      ? 2
      : 1;
  }
  return width;
}
