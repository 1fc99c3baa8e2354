// Shows a plan: figures, warnings, what is left float and why, and a row for each layer that the run fills in.
import { byId, formatBytes, make } from "../shared/page.ts";
import type { LayerLoss, PlanSummary } from "./protocol.ts";

export interface RowState {
  readonly loss: LayerLoss | undefined;
  readonly chosen: boolean;
}

const percent = (part: number, whole: number): string => `${((100 * part) / Math.max(1, whole)).toFixed(1)} %`;

function figure(name: string, value: string, ...more: readonly (Node | string)[]): HTMLElement {
  return make("div", "", make("dt", "", name), make("dd", "", value, ...more));
}

export function showPlan(plan: PlanSummary, adapter: string): void {
  const { bytesBefore, bytesAfter, peakDeviceBytes, lowerBoundBytes, dispatches, submits, skipped, warnings } = plan;
  const bars = make("div", "sizes", make("div", ""), make("div", ""));
  if (bars.lastElementChild instanceof HTMLElement) {
    bars.lastElementChild.style.width = `${(100 * bytesAfter) / bytesBefore}%`;
  }
  const ratio = peakDeviceBytes / Math.max(1, lowerBoundBytes);
  byId("figures", HTMLElement).replaceChildren(
    figure(
      "File, before and after",
      `${formatBytes(bytesBefore)} → ${formatBytes(bytesAfter)}`,
      bars,
      make("small", "", `${percent(bytesAfter, bytesBefore)} of the original`),
    ),
    figure(
      "Device memory at the peak",
      formatBytes(peakDeviceBytes),
      make("small", "", `${ratio.toFixed(2)} of what any plan needs`),
    ),
    figure(
      "Work",
      `${dispatches.toLocaleString("en")} dispatches`,
      make("small", "", `in ${submits} ${submits === 1 ? "submit" : "submits"}`),
    ),
    figure(
      "Layers",
      `${plan.tensors.length} packed`,
      make("small", "", skipped.length > 0 ? `${skipped.length} stay float` : "none stays float"),
    ),
    figure("Adapter", "", make("small", "", adapter)),
  );
  const list = byId("warnings", HTMLElement);
  list.replaceChildren(...warnings.map((warning) => make("li", "", warning)));
  list.hidden = warnings.length === 0;
  byId("plan-text", HTMLElement).textContent = plan.text;
  showSkipped(plan);
  byId("layers-title", HTMLElement).textContent = `Layers (${plan.tensors.length})`;
}

function showSkipped({ skipped }: PlanSummary): void {
  const details = byId("skipped", HTMLDetailsElement);
  details.hidden = skipped.length === 0;
  const summary = details.querySelector("summary");
  if (summary) summary.textContent = `What stays float, and why (${skipped.length})`;
  details
    .querySelector("tbody")
    ?.replaceChildren(
      ...skipped.map(({ name, reason }) => make("tr", "", make("td", "mono", name), make("td", "", reason))),
    );
}

/** Fills the table of layers anew; `state` tells what is known of each. */
export function showRows(plan: PlanSummary, state: (name: string) => RowState, onChoose: (name: string) => void): void {
  byId("rows", HTMLElement).replaceChildren(
    ...plan.tensors.map(({ name, op, shape, format, bytesBefore, bytesAfter }) => {
      const { loss, chosen } = state(name);
      const label = make("td", "mono", name);
      label.title = name;
      const row = make(
        "tr",
        chosen ? "chosen" : "",
        label,
        make("td", "shape", `${op} ${format}`),
        make("td", "shape", shape.join(" × ")),
        make("td", "number", formatBytes(bytesBefore)),
        make("td", "number", formatBytes(bytesAfter)),
        make("td", "number", loss ? describeSqnr(loss.sqnrDb) : "·"),
        make("td", "number", loss ? loss.cosine.toFixed(6) : "·"),
        make("td", "number", loss ? loss.maxAbsError.toPrecision(3) : "·"),
      );
      row.addEventListener("click", () => onChoose(name));
      return row;
    }),
  );
}

const describeSqnr = (db: number): string => (Number.isFinite(db) ? `${db.toFixed(1)} dB` : "exact");
