// Reference of quantize/nested-offset, with integers of any size.
import type { KernelReference } from "../kernel.ts";
import { smallestAbsmax } from "./tables.ts";

export const nestedOffsetReference: KernelReference = ({ count = 0 }, [absmax, mean]) => {
  if (!absmax || !mean) return;
  const from = new DataView(absmax.buffer, absmax.byteOffset, absmax.byteLength);
  const values = Array.from({ length: count }, (_, i) => Math.abs(from.getFloat32(i * 4, true))).map((a) =>
    Number.isFinite(a) && a >= smallestAbsmax ? a : 0,
  );
  const largest = values.reduce((most, a) => Math.max(most, a), 0);
  let unit = 2 ** -110 / 2 ** 23;
  while (largest >= unit * 2 ** 24) unit *= 2;
  const sum = values.reduce((total, a) => total + BigInt(Math.floor(a / unit)), 0n);
  const result = Number(sum / BigInt(Math.max(count, 1))) * unit;
  new DataView(mean.buffer, mean.byteOffset, mean.byteLength).setFloat32(0, result < 2 ** -126 ? 0 : result, true);
};
