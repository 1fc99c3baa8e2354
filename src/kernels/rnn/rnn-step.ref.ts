// Reference of rnn/rnn-step: ONNX's formula in doubles.
import type { KernelReference } from "../kernel.ts";
import { asF32 } from "../quantize/shape.ts";
import { forEachUnit, gateOf } from "./gate-functions.ts";

export const rnnStepReference: KernelReference = (params, [gx, gh, before, lens, out, after]) => {
  const [xGates, hGates, state, y, next] = [gx, gh, before, out, after].map((bytes) => asF32(bytes));
  if (!xGates || !hGates || !state || !y || !next || !lens) return;
  const f = gateOf(params, 0);
  forEachUnit(params, new Int32Array(lens.buffer, lens.byteOffset, lens.length / 4), (unit) => {
    const h = f((xGates[unit.x] ?? 0) + (hGates[unit.at] ?? 0));
    y[unit.y] = unit.valid ? h : 0;
    next[unit.at] = unit.valid ? h : (state[unit.at] ?? 0);
  });
};
