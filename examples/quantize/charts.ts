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

export interface LossBar {
  readonly name: string;
  /** Undefined until the layer is done; Infinity when nothing was lost. */
  readonly sqnrDb: number | undefined;
}

const plot = { height: 220, left: 44, right: 8, top: 12, bottom: 26 };

/** One bar a layer in the order of the graph; a bar can be chosen by click or key. `width` in CSS pixels. */
export function lossChart(
  width: number,
  layers: readonly LossBar[],
  chosen: string | undefined,
  onChoose: (name: string) => void,
): SVGElement {
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
      shape("line", { x1: left, x2: width - right, y1: y(db), y2: y(db), class: "grid" }),
      shape("text", { x: left - 7, y: y(db) + 4, "text-anchor": "end" }, String(db)),
    );
  }
  chart.append(shape("text", { x: left, y: height - 7 }, `dB by layer, first to last (${layers.length})`));
  for (const [index, { name, sqnrDb }] of layers.entries()) {
    const value = sqnrDb === undefined ? 0 : Math.min(high, sqnrDb);
    const label = sqnrDb === undefined ? "waiting" : Number.isFinite(sqnrDb) ? `${sqnrDb.toFixed(1)} dB` : "exact";
    const x = left + index * step;
    const bar = shape(
      "g",
      { class: name === chosen ? "bar chosen" : "bar", tabindex: 0, role: "button", "aria-label": `${name}: ${label}` },
      shape("rect", { x, y: top, width: step, height: height - top - bottom, class: "touch" }),
      shape("rect", {
        x: x + (step - thick) / 2,
        y: y(value),
        width: thick,
        height: y(0) - y(value),
        rx: Math.min(3, thick / 4),
        class: "value",
      }),
      shape("title", {}, `${name}: ${label}`),
    );
    bar.addEventListener("click", () => onChoose(name));
    bar.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") onChoose(name);
    });
    chart.append(bar);
  }
  return chart;
}

const pane = { height: 112, left: 8, right: 8, gap: 24 };

/** Values before above, after below, over the same axis; heights are square roots of counts. `width` in CSS pixels. */
export function histogramChart(
  width: number,
  { low, high, before, after, distinctBefore, distinctAfter }: Histograms,
): SVGElement {
  const { height, left, right, gap } = pane;
  const chart = shape("svg", {
    viewBox: `0 0 ${width} ${2 * (height + gap) + 18}`,
    class: "chart",
    role: "img",
    "aria-label": `Weights from ${low} to ${high}, before and after`,
  });
  const rows = [
    { name: "before", counts: before, distinct: distinctBefore },
    { name: "after", counts: after, distinct: distinctAfter },
  ];
  const step = (width - left - right) / before.length;
  for (const [row, { name, counts, distinct }] of rows.entries()) {
    const floor = (row + 1) * (height + gap) - 4;
    const most = Math.sqrt(Math.max(1, ...counts));
    const words = `${name}: ${distinct.toLocaleString("en")} different values`;
    chart.append(
      shape("line", { x1: left, x2: width - right, y1: floor, y2: floor, class: "grid" }),
      shape("text", { x: left, y: floor - height - 4 }, words),
    );
    for (const [bin, count] of counts.entries()) {
      if (count === 0) continue;
      const tall = (height - 8) * (Math.sqrt(count) / most);
      const x = left + bin * step;
      chart.append(shape("rect", { x, y: floor - tall, width: step * 0.9, height: tall, class: name }));
    }
  }
  const foot = 2 * (height + gap) + 12;
  const zero = left + (width - left - right) * (-low / (high - low || 1));
  chart.append(
    shape("text", { x: left, y: foot }, low.toPrecision(3)),
    shape("text", { x: width - right, y: foot, "text-anchor": "end" }, high.toPrecision(3)),
  );
  if (low < 0 && high > 0) chart.append(shape("text", { x: zero, y: foot, "text-anchor": "middle" }, "0"));
  return chart;
}
