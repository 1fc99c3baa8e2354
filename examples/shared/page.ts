// What the example pages share: element look-up, byte counts for people, and how a failure is shown. The page's state
// stands in document.body.dataset.state.

export type PageState = "running" | "ready" | "done" | "cancelled" | "failed";

export function setState(state: PageState): void {
  document.body.dataset["state"] = state;
}

/** The element of an id, of the class that the caller expects. */
export function byId<T extends Element>(id: string, type: abstract new () => T): T {
  const found = document.querySelector(`#${id}`);
  if (found instanceof type) return found;
  throw new Error(`The page has no ${type.name} #${id}.`);
}

/** A new element with text or children. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const units = ["KiB", "MiB", "GiB"];
  let [value, unit] = [bytes / 1024, 0];
  for (; value >= 1000 && unit < 2; unit++) value /= 1024;
  return `${value.toFixed(value < 10 ? 2 : 1)} ${units[unit]}`;
}

/** An error as plain data: what workers send and pages show. */
export interface Failure {
  readonly name: string;
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");

export function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { name: "Error", code: "", message: String(error), hint: "" };
  const { code, hint } = error as { code?: unknown; hint?: unknown };
  return { name: error.name, code: text(code), message: error.message, hint: text(hint) };
}

/** Shows what happened and what to do, in words. */
export function showFailure(into: HTMLElement, { name, code, message, hint }: Failure): void {
  const title = code === "NO_ADAPTER" ? "This page needs WebGPU" : "That did not work";
  into.replaceChildren(
    make("h2", "", title),
    make("p", "", message),
    ...(hint ? [make("p", "", hint)] : []),
    make("p", "mono", code ? `${name} · ${code}` : name),
  );
  into.className = "problem";
  into.hidden = false;
  into.setAttribute("role", "alert");
}
