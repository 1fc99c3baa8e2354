// Reference of quantize/affine-error: decodes each code and sums the definitions of error-sums.ts in doubles.
import type { KernelReference } from "../kernel.ts";
import { segmentOf } from "../stats/segments.ts";
import { asI32, lowestCode, ruleOf, unboundedCode } from "./affine-rule.ts";
import { errorWords } from "./error-sums.ts";
import { asF32, asU32, countedValue, forEachElement, getCode, shapeOf } from "./shape.ts";

type ErrorRecord = { [word in (typeof errorWords)[number]]: number };

const largest = 3.4028234663852886e38;

const emptyRecord = (): ErrorRecord => ({
  sumSquaredError: 0,
  sumSquaredSource: 0,
  sumSquaredDecoded: 0,
  dot: 0,
  maxAbsError: 0,
  minSource: largest,
  maxSource: -largest,
  clipped: 0,
  nonFinite: 0,
  firstNonFinite: 0xffffffff,
  fingerprint: 0,
  count: 0,
});

/** -0 sorts below +0, as the order of bits has it. */
const below = (a: number, b: number): boolean => a < b || (Object.is(a, -0) && Object.is(b, 0));

function addFinite(record: ErrorRecord, x: number, y: number): void {
  record.sumSquaredError += (x - y) ** 2;
  record.sumSquaredSource += x * x;
  record.sumSquaredDecoded += y * y;
  record.dot += x * y;
  record.maxAbsError = Math.max(record.maxAbsError, Math.abs(x - y));
  if (below(x, record.minSource)) record.minSource = x;
  if (below(record.maxSource, x)) record.maxSource = x;
}

/** Sums records over all elements; `recordOf` says which record an element falls into. */
export function sumErrors(
  params: Readonly<Record<string, number>>,
  [source, codes, scales, zeroPoints, out]: readonly Uint8Array[],
  count: number,
  recordOf: (element: number) => number,
): void {
  if (!codes || !out) return;
  const rule = ruleOf(params);
  const lowest = lowestCode(rule);
  const [x, scale, zero] = [asF32(source), asF32(scales), asI32(zeroPoints)];
  const decoded = new Float32Array(1);
  const decodedBits = new Uint32Array(decoded.buffer);
  const records = Array.from({ length: count }, emptyRecord);
  forEachElement(shapeOf(params), (element, position, group) => {
    const record = records[recordOf(element)];
    if (!record) return;
    const [value, s, z] = [x[element] ?? 0, scale[group] ?? 1, zero[group] ?? 0];
    const field = getCode(codes, position, rule.bits);
    const code = rule.signed && field >= 2 ** (rule.bits - 1) ? field - 2 ** rule.bits : field;
    decoded[0] = (code - z) * s;
    const bits = decodedBits[0] ?? 0;
    record.count += 1;
    record.fingerprint = (record.fingerprint + Math.imul(bits === 0x80000000 ? 0 : bits, 2 * element + 1)) >>> 0;
    if (!Number.isFinite(value)) {
      record.nonFinite += 1;
      record.firstNonFinite = Math.min(record.firstNonFinite, element);
      return;
    }
    addFinite(record, value, decoded[0]);
    const free = unboundedCode(countedValue(value), s, z, rule);
    if (free < lowest || free >= lowest + 2 ** rule.bits) record.clipped += 1;
  });
  const [floats, words] = [asF32(out), asU32(out)];
  for (const [segment, record] of records.entries()) {
    for (const [index, name] of errorWords.entries()) {
      const target = index < errorWords.indexOf("clipped") ? floats : words;
      target[segment * errorWords.length + index] = record[name];
    }
  }
}

export const affineErrorReference: KernelReference = (params, buffers) => {
  const { segments = 0, quads_per_thread: quads = 1 } = params;
  sumErrors(params, buffers, segments, (element) => segmentOf(element, quads));
};
