// Failures as a reader of the page sees them: a title that says what is wrong, and buttons for what can be done.
import { button, text, type Failure } from "../shared/page.ts";
import type { Request } from "./protocol.ts";

export interface Remedies {
  /** Goes on where a lost device left off. */
  resume(): void;
  restart(): void;
  /** Leaves a weight float and plans again. */
  keepFloat(tensor: string): void;
  /** Asks for the file that was missing. */
  chooseMissing(): void;
}

export interface Problem {
  readonly title: string;
  readonly failure: Failure;
  readonly actions: readonly HTMLButtonElement[];
}

const titles: Readonly<Record<string, string>> = {
  FORMAT: "This file can't be read as a model",
  NO_ADAPTER: "This page needs WebGPU",
  OUT_OF_MEMORY: "There is not enough memory",
  PROOF: "The result did not pass its proof",
  UNSUPPORTED: "This model is beyond wgslim",
  IO: "A file can't be read",
};

/** The data file that a model lacks, if that is what failed. */
export const missingFile = ({ code, details }: Failure): string | undefined =>
  code === "IO" || code === "UNSUPPORTED" ? text(details["location"]) || undefined : undefined;

export function describeProblem(during: Request["kind"], failure: Failure, remedies: Remedies): Problem {
  const { code, details } = failure;
  const missing = missingFile(failure);
  if (during === "open" && missing !== undefined) {
    const file = text(details["file"]) || "The model";
    const message = `${file} keeps weights in "${missing}", and that file was not given.`;
    const hint = "Add it, or drop the folder that holds both.";
    const actions = [button(`Add ${missing}`, "primary", () => remedies.chooseMissing())];
    return { title: "A data file is missing", failure: { ...failure, message, hint }, actions };
  }
  if (code === "DEVICE_LOST") {
    const actions = [
      button("Go on", "primary", () => remedies.resume()),
      button("Start over", "", () => remedies.restart()),
    ];
    const hint = "Layers that were done are kept: going on opens the GPU again and does the rest.";
    return { title: "The GPU went away", failure: { ...failure, hint }, actions };
  }
  const tensor = text(details["tensor"]);
  if (code === "NON_FINITE" && tensor) {
    const actions = [button("Leave that weight float", "primary", () => remedies.keepFloat(tensor))];
    const hint = "Training went wrong there, or the file is damaged. Leave this weight as it is, or mend the model.";
    return { title: "The model holds broken weights", failure: { ...failure, hint }, actions };
  }
  if (details["reason"] === "nothing-fits") {
    return { title: "Nothing to quantize in this format", failure, actions: [] };
  }
  return { title: titles[code] ?? "That did not work", failure, actions: [] };
}
