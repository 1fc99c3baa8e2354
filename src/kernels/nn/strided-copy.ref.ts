// Reference of nn/strided-copy.
import type { KernelReference } from "../kernel.ts";
import { operandPosition } from "./broadcast.ts";
import { stridedCopyRank } from "./strided-copy.ts";

export const stridedCopyReference: KernelReference = (params, [x, y]) => {
  if (!x || !y) return;
  const place = (name: string, at: number): number =>
    4 * ((params[`${name}_start`] ?? 0) + operandPosition(params, name, at, stridedCopyRank));
  for (let at = 0; at < (params["count"] ?? 0); at++) {
    const from = place("x", at);
    y.set(x.subarray(from, from + 4), place("y", at));
  }
};
