// Writes a report beside the model, in the form that the file's name asks for.
import { rename, rm, writeFile } from "node:fs/promises";
import { IoError, UsageError } from "../base/errors.ts";
import { htmlReport } from "../report/html.ts";
import { markdownReport } from "../report/markdown.ts";
import type { QuantizeReport, ReportExtras } from "../report/types.ts";

/**
 * Writes the report as .html, .md or .json; an earlier file of the name is replaced at once.
 * @throws UsageError for another extension; IoError where the file can't be written
 */
export async function writeReport(path: string, report: QuantizeReport, extras: ReportExtras = {}): Promise<void> {
  const draft = `${path}.${process.pid}.tmp`;
  try {
    await writeFile(draft, render(path, report, extras));
    await rename(draft, path);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    await rm(draft, { force: true });
    throw new IoError(`${path}: the report can't be written.`, {
      hint: "Check that the folder exists and may be written to.",
      details: { file: path },
      cause: error,
    });
  }
}

function render(path: string, report: QuantizeReport, extras: ReportExtras): string {
  if (path.endsWith(".html")) return htmlReport(report, extras);
  if (path.endsWith(".md")) return markdownReport(report, extras);
  if (path.endsWith(".json")) return `${JSON.stringify(report, undefined, 2)}\n`;
  throw new UsageError(`A report is a .html, .md or .json file, not "${path}".`, { hint: "Example: report.html" });
}
