// Reference of quantize/group-sum: integer sums of round_half_up(|x| * 2^(31 - floor(log2 absmax))).
import type { KernelReference } from "../kernel.ts";
import { asF32, asU32, countedValue, forEachElement, shapeOf } from "./shape.ts";

export const groupSumReference: KernelReference = (params, [source, absmax, thresholds, sums]) => {
  const { groups = 0, segments = 0, segment_length: length = 1, above = 0 } = params;
  const [x, largest, threshold, out] = [asF32(source), asF32(absmax), asF32(thresholds), asU32(sums)];
  const totals = Array.from({ length: groups * segments }, () => ({ sum: 0n, count: 0 }));
  const seen = new Uint32Array(groups);
  forEachElement(shapeOf(params), (element, _position, group) => {
    const ordinal = seen[group] ?? 0;
    seen[group] = ordinal + 1;
    const segment = Math.floor(ordinal / length);
    const total = segment < segments ? totals[group * segments + segment] : undefined;
    const top = largest[group] ?? 0;
    const magnitude = Math.min(Math.abs(countedValue(x[element] ?? 0)), top);
    if (!total || (above === 1 && magnitude <= (threshold[group] ?? 0))) return;
    // The product is exact in f64, and so is adding a half to less than 2^32.
    const unit = top === 0 ? 0 : 2 ** (31 - exponentOf(top));
    total.sum += BigInt(Math.floor(magnitude * unit + 0.5));
    total.count += 1;
  });
  for (const [at, { sum, count }] of totals.entries()) {
    out[at * 3] = Number(sum & 0xffffffffn);
    out[at * 3 + 1] = Number(sum >> 32n);
    out[at * 3 + 2] = count;
  }
};

/** floor(log2 x), exact. */
function exponentOf(x: number): number {
  let exponent = Math.round(Math.log2(x));
  if (2 ** exponent > x) exponent -= 1;
  return exponent;
}
