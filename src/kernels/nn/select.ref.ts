// Reference of nn/select.
import type { KernelReference } from "../kernel.ts";
import { operandPosition } from "./broadcast.ts";
import { selectRank } from "./select.ts";

const word = (bytes: Uint8Array, at: number) => bytes.subarray(4 * at, 4 * at + 4);

export const selectReference: KernelReference = (params, [condition, a, b, y]) => {
  if (!condition || !a || !b || !y) return;
  for (let at = 0; at < (params["count"] ?? 0); at++) {
    const isSet = word(condition, operandPosition(params, "c", at, selectRank)).some((byte) => byte !== 0);
    y.set(
      isSet
        ? word(a, operandPosition(params, "a", at, selectRank))
        : word(b, operandPosition(params, "b", at, selectRank)),
      4 * at,
    );
  }
};
