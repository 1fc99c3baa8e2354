// Steps and buffers that the tables of the recurrent rooms share.
import type { RecurrentStep } from "../../../src/kernels/rnn/gate-functions.ts";
import { bytesOf, uniform } from "../quantize/float-fixtures.ts";

/** Values about zero, some of them beyond where sigmoid and tanh are flat. */
export function signals(count: number, seed: number): Uint8Array {
  const next = uniform(seed);
  return bytesOf(Float32Array.from({ length: count }, () => (next() - 0.5) * (next() < 0.05 ? 300 : 6)));
}

export const wholeNumbers = (values: readonly number[]): Uint8Array => new Uint8Array(Int32Array.from(values).buffer);

export const anyWord = 4;

/** Four steps, three entries; y holds two directions. */
export function stepOf(hidden: number, gates: number, step: number, more: Partial<RecurrentStep> = {}): RecurrentStep {
  return {
    batch: 3,
    hidden,
    step,
    steps: 4,
    x: { at: 0, time: 3 * gates * hidden, batch: gates * hidden },
    y: { at: 0, time: 6 * hidden, batch: hidden },
    ...more,
  };
}

/** The second direction, backwards, over entries of which one is empty and one is full. */
export const backwards = (hidden: number): Partial<RecurrentStep> => ({
  reverse: true,
  lengths: true,
  y: { at: 3 * hidden, time: 6 * hidden, batch: hidden },
});

export const lengths = wholeNumbers([2, 0, 4]);

/** Entries first, as layout 1 has it. */
export const entriesFirst = (hidden: number, gates: number): Partial<RecurrentStep> => ({
  x: { at: 0, time: gates * hidden, batch: 4 * gates * hidden },
  y: { at: 0, time: 2 * hidden, batch: 8 * hidden },
});

export const sizeY = (hidden: number): number => 4 * 4 * 2 * 3 * hidden;
