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

export function button(label: string, className: string, act: () => void): HTMLButtonElement {
  const made = make("button", className, label);
  made.type = "button";
  made.addEventListener("click", act);
  return made;
}

/** An error as plain data: what workers send and pages show. */
export interface Failure {
  readonly name: string;
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  /** Where and how much, as the error tells it. */
  readonly details: Readonly<Record<string, unknown>>;
}

export const text = (value: unknown): string => (typeof value === "string" ? value : "");

export function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { name: "Error", code: "", message: String(error), hint: "", details: {} };
  const { code, hint, details } = error as { code?: unknown; hint?: unknown; details?: unknown };
  const where = typeof details === "object" && details !== null ? { ...details } : {};
  return { name: error.name, code: text(code), message: error.message, hint: text(hint), details: where };
}

export interface ProblemOptions {
  readonly title?: string;
  readonly actions?: readonly HTMLElement[];
}

/** Shows what happened and what to do, in words; with buttons where the page itself can do it. */
export function showFailure(into: HTMLElement, failure: Failure, options: ProblemOptions = {}): void {
  const { name, code, message, hint } = failure;
  const title = options.title ?? (code === "NO_ADAPTER" ? "This page needs WebGPU" : "That did not work");
  const actions = options.actions ?? [];
  into.replaceChildren(
    make("h2", "", title),
    make("p", "", message),
    ...(hint ? [make("p", "", hint)] : []),
    ...(actions.length > 0 ? [make("div", "row actions", ...actions)] : []),
    make("p", "mono", code ? `${name} · ${code}` : name),
  );
  into.className = "problem";
  into.hidden = false;
  into.setAttribute("role", "alert");
}
