// Writes a report beside the model, in the form that the file's name asks for.
import { UsageError } from "../base/errors.ts";
import { toFile } from "../node-files.ts";
import type { FileSinkOptions } from "../node-guard.ts";
import { htmlReport } from "../report/html.ts";
import { markdownReport } from "../report/markdown.ts";
import type { QuantizeReport, ReportExtras } from "../report/types.ts";

export interface ReportFile {
  write(report: QuantizeReport, extras?: ReportExtras): Promise<void>;
  /** Does nothing after `write`. */
  discard(): Promise<void>;
}

/**
 * Tries a report's file before the work that it tells about; it appears when it is written, whole.
 * @throws UsageError for another extension than .html, .md and .json, or where a file is in the way; IoError where
 *   the file can't be written
 */
export async function openReport(path: string, options: FileSinkOptions = {}): Promise<ReportFile> {
  const render = rendering(path);
  const sink = await toFile(path, options);
  return {
    async write(report, extras = {}) {
      const bytes = new TextEncoder().encode(render(report, extras));
      try {
        await sink.allocate(bytes.length);
        await sink.writeAt(0, bytes);
        await sink.commit();
      } catch (error) {
        await sink.discard();
        throw error;
      }
    },
    discard: () => sink.discard(),
  };
}

function rendering(path: string): (report: QuantizeReport, extras: ReportExtras) => string {
  if (path.endsWith(".html")) return htmlReport;
  if (path.endsWith(".md")) return markdownReport;
  if (path.endsWith(".json")) return (report) => `${JSON.stringify(report, undefined, 2)}\n`;
  throw new UsageError(`A report is a .html, .md or .json file, not "${path}".`, { hint: "Example: report.html" });
}
