// Error records of affine codes whose decoded values are at hand, on the host: sums in doubles in the order of
// the elements, and the integer fingerprint, for which WebGL and gpu.js have no 32-bit integers.
import { lowestCode, ruleOf, unboundedCode } from "../kernels/quantize/affine-rule.ts";
import { errorWords } from "../kernels/quantize/error-sums.ts";
import { asF32, asU32, countedValue, forEachElement, shapeOf } from "../kernels/quantize/shape.ts";

export interface DecodedCodes {
  readonly source: Float32Array;
  readonly scales: Float32Array;
  readonly zeros: Int32Array;
  /** In the order of the elements. */
  readonly decoded: Float32Array;
}

const width = errorWords.length;
const largest = 3.4028234663852886e38;
const at = (word: (typeof errorWords)[number]): number => errorWords.indexOf(word);

const [squaredError, squaredSource, squaredDecoded, dot] = [
  at("sumSquaredError"),
  at("sumSquaredSource"),
  at("sumSquaredDecoded"),
  at("dot"),
];
const [maxAbsError, minSource, maxSource, clipped] = [
  at("maxAbsError"),
  at("minSource"),
  at("maxSource"),
  at("clipped"),
];
const [nonFinite, firstNonFinite, fingerprint, counted] = [
  at("nonFinite"),
  at("firstNonFinite"),
  at("fingerprint"),
  at("count"),
];

/** Whether a is the lesser; -0 is less than +0. */
const below = (a: number, b: number): boolean => a < b || (a === 0 && b === 0 && Object.is(a, -0) && !Object.is(b, -0));

/** Writes the `count` records of a call; `recordOf` says which one an element falls into. */
export function writeErrorRecords(
  params: Readonly<Record<string, number>>,
  { source, scales, zeros, decoded }: DecodedCodes,
  records: Uint8Array,
  count: number,
  recordOf: (element: number) => number,
): void {
  const rule = ruleOf(params);
  const lowest = lowestCode(rule);
  const highest = lowest + 2 ** rule.bits - 1;
  const bits = new Uint32Array(decoded.buffer, decoded.byteOffset, decoded.length);
  const sums = new Float64Array(count * width);
  for (let base = 0; base < sums.length; base += width) {
    sums[base + minSource] = largest;
    sums[base + maxSource] = -largest;
    sums[base + firstNonFinite] = 0xffffffff;
  }
  const add = (index: number, value: number): void => {
    sums[index] = (sums[index] ?? 0) + value;
  };
  forEachElement(shapeOf(params), (element, _position, group) => {
    const base = recordOf(element) * width;
    const [x, y, word] = [source[element] ?? 0, decoded[element] ?? 0, bits[element] ?? 0];
    add(base + counted, 1);
    const print = Math.imul(word === 0x80000000 ? 0 : word, 2 * element + 1);
    sums[base + fingerprint] = ((sums[base + fingerprint] ?? 0) + print) >>> 0;
    if (!Number.isFinite(x)) {
      add(base + nonFinite, 1);
      sums[base + firstNonFinite] = Math.min(sums[base + firstNonFinite] ?? 0, element);
      return;
    }
    add(base + squaredError, (x - y) * (x - y));
    add(base + squaredSource, x * x);
    add(base + squaredDecoded, y * y);
    add(base + dot, x * y);
    sums[base + maxAbsError] = Math.max(sums[base + maxAbsError] ?? 0, Math.abs(x - y));
    if (below(x, sums[base + minSource] ?? 0)) sums[base + minSource] = x;
    if (below(sums[base + maxSource] ?? 0, x)) sums[base + maxSource] = x;
    const [scale, zero] = [scales[group] ?? 1, zeros[group] ?? 0];
    const quotient = x / scale + zero;
    if (quotient > lowest - 0.4 && quotient < highest + 0.4) return;
    const free = unboundedCode(countedValue(x), scale, zero, rule);
    if (free < lowest || free > highest) add(base + clipped, 1);
  });
  const [floats, words] = [asF32(records), asU32(records)];
  for (let index = 0; index < sums.length; index++) {
    const target = index % width < clipped ? floats : words;
    target[index] = sums[index] ?? 0;
  }
}
