// The page's two charts as plain SVG: signal-to-noise by layer, and the histograms of one layer.
import type { Histograms } from "./histograms.ts";

const namespace = "http://www.w3.org/2000/svg";

type Attributes = Readonly<Record<string, string | number>>;

function shape(tag: string, attributes: Attributes, ...children: readonly (Node | string)[]): SVGElement {
  const element = document.createElementNS(namespace, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

const line = (x1: number, y1: number, x2: number, y2: number, className = "grid"): SVGElement =>
  shape("line", { x1, y1, x2, y2, class: className });

export interface LossBar {
  readonly name: string;
  readonly format: string;
  /** Undefined until the layer is done; Infinity when nothing was lost. */
  readonly sqnrDb: number | undefined;
}

export const describeSqnr = (db: number | undefined): string =>
  db === undefined ? "waiting" : Number.isFinite(db) ? `${db.toFixed(1)} dB` : "exact";

export const describeBar = ({ name, format, sqnrDb }: LossBar): string => `${name}, ${format}: ${describeSqnr(sqnrDb)}`;

const plot = { height: 236, left: 40, right: 6, top: 22, bottom: 24 };

export interface LossChart {
  /** In CSS pixels. */
  readonly width: number;
  readonly layers: readonly LossBar[];
  readonly chosen: string | undefined;
  /** Formats in the order of their colours. */
  readonly formats: readonly string[];
  readonly onChoose: (name: string) => void;
  /** The bar under the pointer or the focus, and undefined when it is left. */
  readonly onPoint: (bar: LossBar | undefined) => void;
}

/** One bar a layer in the order of the graph. One stop of the tab key; arrow keys choose among the bars. */
export function lossChart({ width, layers, chosen, formats, onChoose, onPoint }: LossChart): SVGElement {
  const { height, left, right, top, bottom } = plot;
  const finite = layers.flatMap(({ sqnrDb }) => (sqnrDb !== undefined && Number.isFinite(sqnrDb) ? [sqnrDb] : []));
  const high = Math.max(20, Math.ceil((Math.max(0, ...finite) + 4) / 10) * 10);
  const y = (db: number): number => top + (height - top - bottom) * (1 - Math.max(0, Math.min(high, db)) / high);
  const step = (width - left - right) / Math.max(1, layers.length);
  const thick = Math.max(1, Math.min(34, step * 0.76));
  const chart = shape("svg", {
    viewBox: `0 0 ${width} ${height}`,
    class: "chart",
    role: "group",
    "aria-label": "Signal-to-noise ratio of each layer in decibels",
  });
  const gridStep = high > 60 ? 20 : 10;
  for (let db = 0; db <= high; db += gridStep) {
    chart.append(
      line(left, y(db), width - right, y(db), db === 0 ? "axis" : "grid"),
      shape("text", { x: left - 7, y: y(db) + 4, "text-anchor": "end" }, String(db)),
    );
  }
  chart.append(
    shape("text", { x: 0, y: 10 }, "dB"),
    shape("text", { x: left, y: height - 6 }, "first layer"),
    shape("text", { x: width - right, y: height - 6, "text-anchor": "end" }, "last layer"),
  );
  const focusable = Math.max(
    0,
    layers.findIndex(({ name }) => name === chosen),
  );
  const figures: SVGElement[] = [];
  for (const [index, layer] of layers.entries()) {
    const { name, format, sqnrDb } = layer;
    const value = sqnrDb === undefined ? 0 : Math.min(high, sqnrDb);
    const x = left + index * step;
    const isChosen = name === chosen;
    const bar = shape(
      "g",
      {
        class: isChosen ? "bar chosen" : "bar",
        tabindex: index === focusable ? 0 : -1,
        role: "button",
        "aria-pressed": String(isChosen),
        "aria-label": describeBar(layer),
      },
      shape("rect", { x, y: top, width: step, height: height - top - bottom, class: "touch" }),
      shape("rect", {
        x: x + (step - thick) / 2,
        y: y(value),
        width: thick,
        height: y(0) - y(value),
        rx: Math.min(3, thick / 4),
        class: `value c${formats.indexOf(format) % 4}`,
      }),
    );
    // Figures over the bars where they fit, else over the chosen one alone; above all bars, or the next would hide it.
    if (sqnrDb !== undefined && (step >= 38 || isChosen)) {
      const middle = Math.max(left + 14, Math.min(width - right - 14, x + step / 2));
      const words = Number.isFinite(sqnrDb) ? sqnrDb.toFixed(1) : "exact";
      const className = isChosen ? "figure chosen" : "figure";
      figures.push(shape("text", { x: middle, y: y(value) - 5, "text-anchor": "middle", class: className }, words));
    }
    bar.addEventListener("click", () => onChoose(name));
    for (const kind of ["pointerenter", "focus"]) bar.addEventListener(kind, () => onPoint(layer));
    for (const kind of ["pointerleave", "blur"]) bar.addEventListener(kind, () => onPoint(undefined));
    chart.append(bar);
  }
  chart.append(...figures);
  chart.addEventListener("keydown", (event) => {
    const to = keyTarget(event.key, focusable, layers.length);
    const target = to === undefined ? undefined : layers[to];
    if (!target) return;
    event.preventDefault();
    onChoose(target.name);
  });
  return chart;
}

/** Where a key leads from one of several in a row; undefined for keys that lead nowhere. */
export function keyTarget(key: string, from: number, count: number): number | undefined {
  if (key === "Enter" || key === " ") return from;
  if (key === "ArrowRight" || key === "ArrowDown") return Math.min(count - 1, from + 1);
  if (key === "ArrowLeft" || key === "ArrowUp") return Math.max(0, from - 1);
  if (key === "Home") return 0;
  return key === "End" ? count - 1 : undefined;
}

const pane = { height: 96, left: 46, right: 10, head: 20, gap: 12, foot: 34 };

/** Values before above, after below, over the same axis; heights are square roots of counts. `width` in CSS pixels. */
export function histogramChart(width: number, histograms: Histograms): SVGElement {
  const { low, high, before, after, distinctBefore, distinctAfter } = histograms;
  const { height, left, right, head, gap, foot } = pane;
  const total = 2 * (head + height) + gap + foot;
  const chart = shape("svg", {
    viewBox: `0 0 ${width} ${total}`,
    class: "chart",
    role: "img",
    "aria-label": `Weights from ${low.toPrecision(3)} to ${high.toPrecision(3)}, before and after`,
  });
  const span = width - left - right;
  const x = (value: number): number => left + (span * (value - low)) / (high - low || 1);
  const ticks = niceTicks(low, high, span / 70);
  const base = total - foot;
  for (const tick of ticks) {
    chart.append(
      line(x(tick), head, x(tick), base),
      shape("text", { x: x(tick), y: base + 15, "text-anchor": "middle" }, String(tick)),
    );
  }
  chart.append(shape("text", { x: left + span / 2, y: total - 3, "text-anchor": "middle" }, "value of a weight"));
  const rows = [
    { name: "before", counts: before, distinct: distinctBefore },
    { name: "after", counts: after, distinct: distinctAfter },
  ];
  for (const [row, { name, counts, distinct }] of rows.entries()) {
    const floor = head + height + row * (head + height + gap);
    const most = Math.max(1, ...counts);
    const tall = (count: number): number => height * Math.sqrt(count / most);
    chart.append(
      shape("text", { x: left, y: floor - height - 7, class: "figure" }, `${name}: ${plural(distinct)}`),
      line(left, floor, width - right, floor, "axis"),
      line(left, floor - height, left, floor, "axis"),
    );
    for (const count of [0, Math.round(most / 4), most]) {
      const label = shape("text", { x: left - 6, y: floor - tall(count) + 4, "text-anchor": "end" }, shortCount(count));
      chart.append(line(left - 3, floor - tall(count), left, floor - tall(count), "axis"), label);
    }
    const step = span / counts.length;
    for (const [bin, count] of counts.entries()) {
      if (count === 0) continue;
      const top = Math.max(1, tall(count));
      chart.append(
        shape("rect", { x: left + bin * step, y: floor - top, width: step * 0.9, height: top, class: name }),
      );
    }
  }
  return chart;
}

const plural = (count: number): string => `${count.toLocaleString("en")} different ${count === 1 ? "value" : "values"}`;

const shortCount = (count: number): string =>
  count < 10_000 ? String(count) : count < 1e6 ? `${Math.round(count / 1e3)}k` : `${(count / 1e6).toFixed(1)}M`;

/** Round numbers from low to high, about as many as asked; zero is one of them where it lies between. */
export function niceTicks(low: number, high: number, about: number): readonly number[] {
  const span = high - low;
  if (!(span > 0)) return [low];
  const rough = span / Math.max(2, about);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough) ?? rough;
  const ticks: number[] = [];
  for (let index = Math.ceil(low / step); index * step <= high; index++)
    ticks.push(Number((index * step).toPrecision(6)));
  return ticks;
}
