// Charts as inline SVG text. Written by hand: a plotting library needs a DOM (or a canvas), which neither
// Node nor a worker has, and would weigh more than the report; three static charts need none of it.
// Colours come from the page's classes f0 … f5 and fr, so charts follow light and dark. All texts are escaped.
import { escapeHtml, shorten, visible } from "./escape.ts";
import type { Markup } from "./page.ts";
import type { Histogram, HistogramPair } from "./types.ts";

const round = (value: number): string => String(Math.round(value * 100) / 100);

/** Class suffix of the n-th category, over again after six; negative is the neutral colour. */
const colour = (index: number): string => (index < 0 ? "r" : String(index % 6));

const entry = (label: string, suffix: string): Markup => `<span><i class="b${suffix}"></i>${escapeHtml(label)}</span>`;

/** Names of categories with their colours, in order from the `first` colour on. `rest` is grey. */
export function legend(categories: readonly string[], rest?: string, first = 0): Markup {
  const entries = categories.map((label, index) => entry(label, colour(first + index)));
  return `<div class="legend">${entries.join("")}${rest === undefined ? "" : entry(rest, "r")}</div>`;
}

/** On a narrow screen it scrolls rather than shrinks beyond reading. */
const wideChart = (label: string, width: number, height: number, content: Markup): Markup =>
  `<div class="scroll"><svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escapeHtml(label)}">${content}</svg></div>`;

export interface StackedRow {
  readonly label: string;
  /** Printed behind the bar. */
  readonly total: string;
  /** `category` indexes the legend; -1 is the rest. */
  readonly segments: readonly { readonly category: number; readonly value: number; readonly title: string }[];
}

/** Horizontal stacked bars on one common scale. */
export function stackedBars(rows: readonly StackedRow[]): Markup {
  const [width, left, right, height, gap] = [1000, 70, 150, 34, 12];
  const totals = rows.map((row) => row.segments.reduce((sum, segment) => sum + segment.value, 0));
  const scale = (width - left - right) / Math.max(1, ...totals);
  const bars = rows.map((row, index) => {
    const y = index * (height + gap);
    let x = left;
    const segments = row.segments
      .filter((segment) => segment.value > 0)
      .map((segment) => {
        const span = segment.value * scale;
        // A hair of space between segments, but never at the cost of a thin one.
        const shown = Math.max(0.6, span - (span > 4 ? 1.5 : 0));
        const rect = `<rect class="f${colour(segment.category)}" x="${round(x)}" y="${y}" width="${round(shown)}" height="${height}" rx="${span > 6 ? 2 : 0}"><title>${escapeHtml(segment.title)}</title></rect>`;
        x += span;
        return rect;
      });
    const middle = y + height / 2 + 4;
    return `<text x="0" y="${middle}">${escapeHtml(row.label)}</text>${segments.join("")}<text x="${round(x + 8)}" y="${middle}">${escapeHtml(row.total)}</text>`;
  });
  const total = rows.length * (height + gap) - gap;
  return wideChart("Bytes before and after", width, total, bars.join(""));
}

export interface ValueBar {
  readonly label: string;
  /** Infinity fills the row. */
  readonly value: number;
  readonly text: string;
  readonly category: number;
}

/** One horizontal bar a row, from zero; `unit` names the axis. */
export function valueBars(bars: readonly ValueBar[], unit: string): Markup {
  const [width, left, right, row, head] = [1000, 300, 70, 18, 22];
  const finite = bars.map((bar) => bar.value).filter((value) => Number.isFinite(value));
  const [step, top] = niceScale(Math.max(1, ...finite));
  const scale = (width - left - right) / top;
  const total = head + bars.length * row + 4;
  const grid: string[] = [];
  for (let tick = 0; tick <= top + step / 2; tick += step) {
    const x = round(left + tick * scale);
    const label = `${Number(tick.toPrecision(6))}${tick + step > top + step / 2 ? ` ${unit}` : ""}`;
    grid.push(
      `<line x1="${x}" x2="${x}" y1="${head - 4}" y2="${total}"/><text class="soft" x="${x}" y="12" text-anchor="middle">${escapeHtml(label)}</text>`,
    );
  }
  const rows = bars.map((bar, index) => {
    const y = head + index * row;
    const value = Number.isFinite(bar.value) ? Math.max(0, bar.value) : bar.value > 0 ? top : 0;
    const end = left + value * scale;
    const label = escapeHtml(shorten(visible(bar.label), 42));
    return (
      `<g><title>${escapeHtml(`${bar.label}: ${bar.text}`)}</title>` +
      `<text x="${left - 8}" y="${y + 13}" text-anchor="end">${label}</text>` +
      `<rect class="f${colour(bar.category)}" x="${left}" y="${y + 2}" width="${round(Math.max(0.6, end - left))}" height="${row - 5}" rx="2"/>` +
      `<text class="soft" x="${round(end + 6)}" y="${y + 13}">${escapeHtml(bar.text)}</text></g>`
    );
  });
  return wideChart(`Values in ${unit}`, width, total, grid.join("") + rows.join(""));
}

/** Step of 1, 2 or 5 times a power of ten with four to ten steps up to `largest`. */
function niceScale(largest: number): [step: number, top: number] {
  const power = 10 ** Math.floor(Math.log10(largest / 4));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => largest / size <= 8) ?? largest;
  return [step, Math.ceil(largest / step) * step];
}

/** Before as an outline, after as filled bars, on common axes. Heights are relative to the taller one. */
export function histogramChart({ before, after }: HistogramPair): Markup {
  const [width, height, foot] = [240, 84, 16];
  const low = Math.min(before.min, after.min);
  const high = Math.max(before.max, after.max);
  const span = high > low ? high - low : 1;
  const x = (value: number): number => ((value - low) / span) * width;
  // Bins may differ in width, so heights are densities; spikes of few codes would flatten the rest: cut.
  const densities = [before, after].map(densitiesOf);
  const tallest = Math.max(1e-300, ...(densities[0] ?? [])) * 1.6;
  const y = (density: number): number => height - Math.min(1, density / tallest) * (height - 2);
  const edge = (histogram: Histogram, bin: number): number =>
    x(histogram.min + ((histogram.max - histogram.min) * bin) / histogram.counts.length);
  const filled = (densities[1] ?? []).map((density, bin) => {
    if (density === 0) return "";
    const from = edge(after, bin);
    const wide = Math.max(0.8, edge(after, bin + 1) - from - 0.4);
    return `<rect class="f0" x="${round(from)}" y="${round(y(density))}" width="${round(wide)}" height="${round(height - y(density))}"/>`;
  });
  const outline = (densities[0] ?? [])
    .map((density, bin) => `L${round(edge(before, bin))} ${round(y(density))}H${round(edge(before, bin + 1))}`)
    .join("");
  const tick = (value: number, anchor: string, at: number): Markup =>
    `<text class="soft" x="${at}" y="${height + 13}" text-anchor="${anchor}" font-size="11">${Number(value.toPrecision(3))}</text>`;
  return (
    `<svg viewBox="0 0 ${width} ${height + foot}" width="${width}" height="${height + foot}" role="img" aria-label="Values before and after">` +
    `<line x1="0" x2="${width}" y1="${height}" y2="${height}"/>${filled.join("")}` +
    `<path class="outline" d="M${round(edge(before, 0))} ${height}${outline}V${height}"/>` +
    // A tick at zero where it does not run into the ends.
    `${tick(low, "start", 0)}${x(0) > 45 && x(0) < width - 45 ? tick(0, "middle", x(0)) : ""}${tick(high, "end", width)}</svg>`
  );
}

function densitiesOf({ min, max, counts }: Histogram): number[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const binWidth = (max > min ? max - min : 1) / Math.max(1, counts.length);
  return counts.map((count) => (total === 0 ? 0 : count / total / binWidth));
}
