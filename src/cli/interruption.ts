// Ctrl-C, once: the command ends by itself, cleans up and says what is left. Twice: the process ends at once.
// Commands that never ask for the signal keep the system's own behaviour.

let interrupt: AbortController | undefined;

/** Fires at the first SIGINT or SIGTERM. */
export function interruption(): AbortSignal {
  if (interrupt) return interrupt.signal;
  const controller = new AbortController();
  interrupt = controller;
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) endNow(name);
      controller.abort(new Error(name));
      if (process.stderr.isTTY) process.stderr.write("\nwgslim: stopping; again to stop at once\n");
    });
  }
  return controller.signal;
}

/** As if nobody had listened to the signal. */
function endNow(name: NodeJS.Signals): void {
  // The progress bar hides the cursor.
  if (process.stderr.isTTY) process.stderr.write("\u001B[?25h\n");
  process.removeAllListeners(name);
  process.kill(process.pid, name);
}
