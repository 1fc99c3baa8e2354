// Reference of rnn/lstm-step: ONNX's formulas in doubles.
import type { KernelReference } from "../kernel.ts";
import { asF32 } from "../quantize/shape.ts";
import { forEachUnit, gateOf } from "./gate-functions.ts";

export const lstmStepReference: KernelReference = (params, [gx, gh, before, peep, lens, out, after]) => {
  const [xGates, hGates, state, peepholes, y, next] = [gx, gh, before, peep, out, after].map((bytes) => asF32(bytes));
  if (!xGates || !hGates || !state || !peepholes || !y || !next || !lens) return;
  const { batch = 0, hidden = 0 } = params;
  const [f, g, h] = [gateOf(params, 0), gateOf(params, 1), gateOf(params, 2)];
  forEachUnit(params, new Int32Array(lens.buffer, lens.byteOffset, lens.length / 4), (unit) => {
    const [last = 0, hLast = 0] = [state[batch * hidden + unit.at], state[unit.at]];
    const sum = (gate: number): number =>
      (xGates[unit.x + gate * hidden] ?? 0) + (hGates[(unit.entry * 4 + gate) * hidden + unit.j] ?? 0);
    const seen = (gate: number, cell: number): number =>
      params["has_peepholes"] ? (peepholes[gate * hidden + unit.j] ?? 0) * cell : 0;
    const enter = f(sum(0) + seen(0, last));
    const keep = params["input_forget"] ? 1 - enter : f(sum(2) + seen(2, last));
    const cell = keep * last + enter * g(sum(3));
    const fresh = f(sum(1) + seen(1, cell)) * h(cell);
    y[unit.y] = unit.valid ? fresh : 0;
    next[unit.at] = unit.valid ? fresh : hLast;
    next[batch * hidden + unit.at] = unit.valid ? cell : last;
  });
};
