// What commands print. Results go to stdout, everything else to stderr; names come from files and may hold terminal
// escapes, so all text passes through `visible`.
import { visible } from "../report/escape.ts";

const readable = (text: string): string => `${text.split("\n").map(visible).join("\n")}\n`;

/** A result for a reader. */
export const printText = (text: string): void => void process.stdout.write(readable(text));

/** A result for a program: one object. */
export const printJson = (value: unknown): void =>
  void process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);

/** Something for a reader that is no result. */
export const printNote = (text: string): void => void process.stderr.write(readable(text));

export const printWarning = (text: string): void => printNote(`wgslim: warning: ${text}`);
