// A progress bar on stderr where a person watches, nothing in a pipe.
import { Presets, SingleBar } from "cli-progress";
import { formatBytes } from "../base/size.ts";
import type { CompressionProgress } from "../compress/progress.ts";
import { shorten, visible } from "../report/escape.ts";

export interface ProgressReporter {
  update(progress: CompressionProgress): void;
  stop(): void;
}

/** Longer lines wrap on narrow terminals, and a bar that wraps scrolls. */
const longestLabel = 24;

const silent: ProgressReporter = { update: () => undefined, stop: () => undefined };

const phaseNames: Readonly<Record<CompressionProgress["phase"], string>> = {
  pack: "packing",
  prove: "proving",
  hash: "hashing",
};

export function progressBar(quiet: boolean): ProgressReporter {
  if (quiet || !process.stderr.isTTY) return silent;
  const bar = new SingleBar(
    {
      stream: process.stderr,
      format: "{bar} {percentage}% | {speed} | {phase} {label}",
      hideCursor: true,
      clearOnComplete: true,
    },
    Presets.shades_classic,
  );
  let started = performance.now();
  let running: CompressionProgress["phase"] | undefined;
  return {
    update({ phase, bytesDone, bytesTotal, label }) {
      // Each phase, and each file of a preset, fills the bar anew.
      if (running !== phase) {
        if (running) bar.stop();
        started = performance.now();
      }
      const seconds = (performance.now() - started) / 1000;
      const payload = {
        phase: phaseNames[phase],
        label: shorten(visible(label), longestLabel),
        speed: `${formatBytes(Math.round(bytesDone / Math.max(seconds, 0.001)))}/s`,
      };
      if (running !== phase) bar.start(bytesTotal, bytesDone, payload);
      running = phase;
      bar.update(bytesDone, payload);
    },
    stop() {
      if (running) bar.stop();
    },
  };
}

/** A bar of samples; nothing in a pipe. */
export function sampleBar(quiet: boolean): { update(samples: number, of: number): void; stop(): void } {
  if (quiet || !process.stderr.isTTY) return { update: () => undefined, stop: () => undefined };
  const bar = new SingleBar(
    { stream: process.stderr, format: "{bar} {value} of {total} samples", hideCursor: true, clearOnComplete: true },
    Presets.shades_classic,
  );
  let isRunning = false;
  return {
    update(samples, of) {
      if (!isRunning) bar.start(of, samples);
      isRunning = true;
      bar.update(samples);
    },
    stop() {
      if (isRunning) bar.stop();
    },
  };
}
