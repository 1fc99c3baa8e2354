// A progress bar on stderr where a person watches, nothing in a pipe.
import { Presets, SingleBar } from "cli-progress";
import type { RunProgress } from "../run/run-plan.ts";
import { formatBytes } from "../base/size.ts";
import { shorten, visible } from "../report/escape.ts";

export interface ProgressReporter {
  update(progress: RunProgress): void;
  stop(): void;
}

/** Longer lines wrap on narrow terminals, and a bar that wraps scrolls. */
const longestLabel = 24;

const silent: ProgressReporter = { update: () => undefined, stop: () => undefined };

export function progressBar(quiet: boolean): ProgressReporter {
  if (quiet || !process.stderr.isTTY) return silent;
  const bar = new SingleBar(
    {
      stream: process.stderr,
      format: "{bar} {percentage}% | {speed} | {label}",
      hideCursor: true,
      clearOnComplete: true,
    },
    Presets.shades_classic,
  );
  const started = performance.now();
  let running = false;
  return {
    update({ bytesDone, bytesTotal, label }) {
      const seconds = (performance.now() - started) / 1000;
      const payload = {
        label: shorten(visible(label), longestLabel),
        speed: `${formatBytes(Math.round(bytesDone / Math.max(seconds, 0.001)))}/s`,
      };
      if (!running) bar.start(bytesTotal, bytesDone, payload);
      running = true;
      bar.update(bytesDone, payload);
    },
    stop() {
      if (running) bar.stop();
    },
  };
}
