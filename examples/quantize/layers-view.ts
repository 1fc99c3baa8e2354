// The table of layers: a row for each, made once and filled in as the run goes on, so that a thousand of them cost no
// more than the one that changes. Names are buttons; arrow keys go from one to the next.
import { byId, formatBytes, make } from "../shared/page.ts";
import { describeSqnr, keyTarget } from "./charts.ts";
import type { LayerLoss, PlanSummary } from "./protocol.ts";

interface Row {
  readonly row: HTMLTableRowElement;
  readonly name: HTMLButtonElement;
  readonly sqnr: HTMLTableCellElement;
  readonly cosine: HTMLTableCellElement;
  readonly error: HTMLTableCellElement;
}

/** SQNR that fills the small bar behind a figure. */
const fullDb = 60;

export class LayersView {
  readonly #onChoose: (name: string) => void;
  readonly #rows = new Map<string, Row>();
  #chosen: string | undefined;

  constructor(onChoose: (name: string) => void) {
    this.#onChoose = onChoose;
  }

  show({ tensors, skipped }: PlanSummary): void {
    this.#rows.clear();
    this.#chosen = undefined;
    byId("layers-title", HTMLElement).textContent = `Layers (${tensors.length})`;
    const body = byId("rows", HTMLElement);
    body.replaceChildren();
    for (const [index, { name, op, shape, format, bytesBefore, bytesAfter }] of tensors.entries()) {
      const button = make("button", "link mono", name);
      button.type = "button";
      button.title = name;
      button.tabIndex = index === 0 ? 0 : -1;
      const [sqnr, cosine, error] = [make("td", "number sqnr"), make("td", "number"), make("td", "number")];
      const row = make(
        "tr",
        "",
        make("td", "", button),
        make("td", "shape", `${op} `, make("b", "", format)),
        make("td", "shape", shape.join(" × ")),
        make("td", "number", formatBytes(bytesBefore)),
        make("td", "number", formatBytes(bytesAfter)),
        sqnr,
        cosine,
        error,
      );
      row.addEventListener("click", () => this.#onChoose(name));
      button.addEventListener("keydown", (event) => {
        const to = keyTarget(event.key, index, tensors.length);
        const target = to === undefined || to === index ? undefined : tensors[to];
        if (!target) return;
        event.preventDefault();
        this.#onChoose(target.name);
        this.#rows.get(target.name)?.name.focus();
      });
      this.#rows.set(name, { row, name: button, sqnr, cosine, error });
      body.append(row);
    }
    this.clear();
    showSkipped(skipped);
  }

  /** Forgets what a run told. */
  clear(): void {
    for (const { row, sqnr, cosine, error } of this.#rows.values()) {
      row.classList.remove("working");
      sqnr.style.removeProperty("--share");
      for (const cell of [sqnr, cosine, error]) cell.replaceChildren(make("span", "soft", "·"));
    }
  }

  /** Marks the layer that the device has just given something of. */
  working(label: string): void {
    for (const [name, { row }] of this.#rows) {
      row.classList.toggle("working", label === name || label.startsWith(`${name} (`));
    }
  }

  fill({ name, sqnrDb, cosine, maxAbsError }: LayerLoss): void {
    const found = this.#rows.get(name);
    if (!found) return;
    found.sqnr.textContent = describeSqnr(sqnrDb);
    found.sqnr.style.setProperty("--share", `${Math.max(0, Math.min(1, sqnrDb / fullDb)) * 100}%`);
    found.cosine.textContent = cosine.toFixed(6);
    found.error.textContent = maxAbsError === 0 ? "0" : maxAbsError.toPrecision(3);
  }

  choose(name: string | undefined): void {
    const [before, after] = [this.#chosen, name].map((each) => (each === undefined ? undefined : this.#rows.get(each)));
    before?.row.classList.remove("chosen");
    if (before) before.name.tabIndex = -1;
    this.#chosen = name;
    if (!after) return;
    after.row.classList.add("chosen");
    after.name.tabIndex = 0;
    scrollWithin(after.row);
  }
}

/** Scrolls the table, not the page. */
function scrollWithin(row: HTMLTableRowElement): void {
  const table = row.closest(".scroll");
  if (!table) return;
  const head = row.closest("table")?.tHead?.offsetHeight ?? 0;
  const below = row.offsetTop + row.offsetHeight - table.scrollTop > table.clientHeight;
  if (below || row.offsetTop - head < table.scrollTop) table.scrollTop = row.offsetTop - table.clientHeight / 2;
}

function showSkipped(skipped: PlanSummary["skipped"]): void {
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
