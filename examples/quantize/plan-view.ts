// Shows a plan: what it does to the file, figures, warnings, and what to think of it before it runs.
import { byId, formatBytes, make } from "../shared/page.ts";
import type { PlanSummary } from "./protocol.ts";

const percent = (part: number, whole: number): string => `${((100 * part) / Math.max(1, whole)).toFixed(1)} %`;

function figure(name: string, value: string, more: string): HTMLElement {
  return make("div", "", make("dt", "", name), make("dd", "", value, make("small", "", more)));
}

export const shrinks = ({ bytesBefore, bytesAfter }: PlanSummary): boolean => bytesAfter < bytesBefore;

export function showPlan(plan: PlanSummary, adapter: string): void {
  const { bytesBefore, bytesAfter, peakDeviceBytes, lowerBoundBytes, dispatches, submits, skipped } = plan;
  showSizes(plan);
  const ratio = peakDeviceBytes / Math.max(1, lowerBoundBytes);
  byId("figures", HTMLElement).replaceChildren(
    figure(
      "Layers",
      `${plan.tensors.length} packed`,
      skipped.length > 0 ? `${skipped.length} stay float` : "none stays float",
    ),
    figure("Device memory", formatBytes(peakDeviceBytes), `at the peak, ${ratio.toFixed(2)} of the least possible`),
    figure(
      "Work",
      `${dispatches.toLocaleString("en")} dispatches`,
      `in ${submits.toLocaleString("en")} ${submits === 1 ? "submit" : "submits"}`,
    ),
    figure("Computes on", adapter, "in a worker of this page"),
  );
  const verdict = byId("verdict", HTMLElement);
  verdict.hidden = shrinks(plan);
  verdict.replaceChildren(
    make("h3", "", "This would not make the file smaller"),
    make(
      "p",
      "",
      `${formatBytes(bytesBefore)} would become ${formatBytes(bytesAfter)}: the weights are few or packed already, and ` +
        "scales and the new operators take more than the codes save. Take a format with fewer bits, or keep the file.",
    ),
  );
  showWarnings(plan.warnings);
  byId("plan-text", HTMLElement).textContent = plan.text;
}

export function showWarnings(warnings: readonly string[]): void {
  const list = byId("warnings", HTMLElement);
  list.replaceChildren(...[...new Set(warnings)].map((warning) => make("li", "", warning)));
  list.hidden = warnings.length === 0;
}

/** The file before and after, as two bars on one scale. */
function showSizes({ bytesBefore, bytesAfter }: PlanSummary): void {
  const most = Math.max(1, bytesBefore, bytesAfter);
  const row = (label: string, bytes: number, className: string): HTMLElement => {
    const bar = make("div", className);
    bar.style.width = `${(100 * bytes) / most}%`;
    return make(
      "div",
      "size",
      make("span", "soft", label),
      make("div", "track", bar),
      make("b", "number", formatBytes(bytes)),
    );
  };
  const smaller =
    bytesAfter < bytesBefore
      ? `${percent(bytesAfter, bytesBefore)} of the size, ${(bytesBefore / Math.max(1, bytesAfter)).toFixed(2)}× smaller`
      : `${percent(bytesAfter, bytesBefore)} of the size`;
  byId("sizes", HTMLElement).replaceChildren(
    row("Before", bytesBefore, "before"),
    row("After", bytesAfter, "after"),
    make("p", "share", smaller),
  );
}
