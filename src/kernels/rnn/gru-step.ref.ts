// Reference of rnn/gru-step: ONNX's formulas in doubles.
import type { KernelReference } from "../kernel.ts";
import { asF32 } from "../quantize/shape.ts";
import { forEachUnit, gateOf } from "./gate-functions.ts";

export const gruStepReference: KernelReference = (params, [gx, gh, made, before, lens, out, after]) => {
  const [xGates, hGates, candidate, state, y, next] = [gx, gh, made, before, out, after].map((bytes) => asF32(bytes));
  if (!xGates || !hGates || !candidate || !state || !y || !next || !lens) return;
  const { hidden = 0, h_line = 0, mode = 0 } = params;
  const [f, g] = [gateOf(params, 0), gateOf(params, 1)];
  forEachUnit(params, new Int32Array(lens.buffer, lens.byteOffset, lens.length / 4), ({ entry, j, at, x, ...unit }) => {
    const last = state[at] ?? 0;
    const fromX = (gate: number): number => xGates[x + gate * hidden] ?? 0;
    const fromH = (gate: number): number => hGates[entry * h_line + gate * hidden + j] ?? 0;
    const reset = f(fromX(1) + fromH(1));
    if (mode === 0) {
      next[at] = unit.valid ? reset * last : last;
      return;
    }
    const update = f(fromX(0) + fromH(0));
    const fresh = g(fromX(2) + (mode === 1 ? (candidate[at] ?? 0) : reset * fromH(2)));
    const h = (1 - update) * fresh + update * last;
    y[unit.y] = unit.valid ? h : 0;
    next[at] = unit.valid ? h : last;
  });
};
