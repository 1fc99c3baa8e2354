// Takes files from the reader: chosen, dropped, from a folder, or one of the bundled models. Decides with files.ts
// which is the model, and asks where there are several.
import { byId, button, formatBytes, make, showFailure } from "../shared/page.ts";
import {
  chosenFiles,
  completed,
  completes,
  droppedFiles,
  findModel,
  withSiblings,
  type GivenFile,
  type ModelFiles,
} from "./files.ts";
import { bundledModels, fetchModel } from "./models.ts";

export interface IntakeEvents {
  /** Opens a model; the page is not busy then. */
  open(files: ModelFiles): void;
  isBusy(): boolean;
  /** Cancels the run under way; `then` is called when it has ended. */
  cancel(then: () => void): void;
  fail(error: unknown): void;
}

export class Intake {
  readonly #events: IntakeEvents;
  readonly #problem = byId("problem", HTMLElement);
  readonly #candidates = byId("candidates", HTMLElement);
  #current: ModelFiles | undefined;
  #missing: string | undefined;

  constructor(events: IntakeEvents) {
    this.#events = events;
    for (const id of ["file", "folder"]) {
      const input = byId(id, HTMLInputElement);
      input.addEventListener("change", () => {
        const files = chosenFiles(input.files ?? new DataTransfer().files);
        // The same file may be chosen again, after it was mended.
        input.value = "";
        this.take(files);
      });
    }
    this.#listenForDrops();
    this.#listBundled();
  }

  /** The open model lacks a file: what comes next may be that file. */
  lack(missing: string | undefined): void {
    this.#missing = missing;
  }

  take(files: readonly GivenFile[]): void {
    const [first] = files;
    if (!first) return;
    if (this.#events.isBusy()) return this.#askBeforeReplacing(files, first.path);
    this.#candidates.hidden = true;
    if (this.#current && this.#missing !== undefined && completes(files, this.#missing)) {
      return this.#open(completed(this.#current, files, this.#missing));
    }
    const found = findModel(files);
    if (found.kind === "model") this.#open(found);
    else if (found.kind === "several") this.#offer(found.candidates, files);
    else {
      const message = `None of these ${files.length} files is an ONNX or safetensors model.`;
      const hint = "Give the .onnx, .safetensors or .safetensors.index.json file together with its data files.";
      const failure = { name: "UsageError", code: "USAGE", message, hint, details: {} };
      showFailure(this.#problem, failure, { title: "There is no model among these files" });
    }
  }

  async takeBundled(id: string): Promise<void> {
    const model = bundledModels.find((candidate) => candidate.id === id);
    if (!model) throw new Error(`There is no bundled model "${id}".`);
    const blob = await fetchModel(model);
    this.take([{ path: `${model.id}.onnx`, blob }]);
    for (const card of byId("bundled", HTMLElement).children) card.classList.toggle("chosen", card.id === id);
  }

  #open({ main, siblings }: ModelFiles): void {
    const files = { main, siblings };
    [this.#current, this.#missing] = [files, undefined];
    for (const card of byId("bundled", HTMLElement).children) card.classList.remove("chosen");
    this.#candidates.hidden = true;
    this.#events.open(files);
  }

  #askBeforeReplacing(files: readonly GivenFile[], path: string): void {
    const message = `${path} was not opened: a run is under way.`;
    const failure = { name: "UsageError", code: "USAGE", message, hint: "", details: {} };
    const done = (): void => void (this.#problem.hidden = true);
    const actions = [
      button("Cancel the run and open it", "", () => {
        done();
        this.#events.cancel(() => this.take(files));
      }),
      button("Keep running", "primary", done),
    ];
    showFailure(this.#problem, failure, { title: "One model at a time", actions });
  }

  #offer(candidates: readonly GivenFile[], files: readonly GivenFile[]): void {
    const choices = candidates.map((main) =>
      button(`${main.path} (${formatBytes(main.blob.size)})`, "", () => this.#open(withSiblings(main, files))),
    );
    this.#candidates.replaceChildren(
      make("p", "", `There are ${candidates.length} models among these files. Which one?`),
      make("div", "row", ...choices),
    );
    this.#candidates.hidden = false;
    choices[0]?.focus();
  }

  #listenForDrops(): void {
    const drop = byId("drop", HTMLElement);
    for (const kind of ["dragover", "dragleave", "drop"] as const) {
      document.addEventListener(kind, (event) => {
        event.preventDefault();
        drop.classList.toggle("over", kind === "dragover");
        if (kind !== "drop" || !event.dataTransfer) return;
        droppedFiles(event.dataTransfer).then((files) => this.take(files), this.#events.fail);
      });
    }
  }

  #listBundled(): void {
    for (const { id, title, about } of bundledModels) {
      const card = button("", "sample", () => void this.takeBundled(id).catch(this.#events.fail));
      card.id = id;
      card.append(make("b", "", title), make("span", "soft", about));
      byId("bundled", HTMLElement).append(card);
    }
  }
}
