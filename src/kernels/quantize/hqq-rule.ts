// Half-quadratic quantization (H. Badri, A. Shaji, "Half-Quadratic Quantization of Large Machine Learning
// Models", 2023), host side: its table, its rounds, and its steps in exact doubles for the references.
//
// The paper minimises |W - dequantized|_p^p, p = 0.7 < 1, over a real zero point, scale fixed, by half-quadratic
// splitting: e = shrink(r), then zero = mean(q - (w - e) / s), beta = 10 growing by 1% an iteration. We take
// residuals in units of the scale, so that beta means the same for every tensor; round the zero point, as the
// formats hold integers; and then fit the scale by the same splitting, the only unknown of symmetric
// codes. The result must also win by squared error, else the first scale stays.

/** Iterations in all; asymmetric codes spend half of them on the zero point. */
export const hqqRounds = (asymmetric: boolean): { readonly zero: number; readonly scale: number } =>
  asymmetric ? { zero: 10, scale: 10 } : { zero: 0, scale: 20 };

const exponent = 0.7 - 1;
const entries = 256;

/** Words of the `powers` buffer: 4096 * |r|^(p-1) in the middle of steps of 1/64 scale, then 65536 / beta per round. */
export function hqqPowers(): number[] {
  const powers = Array.from({ length: entries }, (_, k) => Math.round(4096 * ((k + 0.5) / 64) ** exponent));
  const softness = Array.from({ length: 20 }, (_, round) => Math.round(65536 / (10 * 1.01 ** round)));
  return [...powers, ...softness];
}

/** The part of a residual that is left when its shrinkage is taken off; residuals in 1/4096 of a scale. */
export function influence(residual: number, powers: Uint32Array, round: number): number {
  const power = powers[Math.min(entries - 1, Math.floor(Math.abs(residual) / 64))] ?? 0;
  const bound = Math.floor((power * (powers[entries + round] ?? 0)) / 65536);
  return Math.max(-bound, Math.min(bound, residual));
}

/** X / S in 1/4096, by the reciprocal of S. */
export function quotient4096(x: number, s: number, drop: number): number {
  const inverse = Math.floor(2 ** 31 / s);
  const half = drop > 0 ? Math.floor(inverse / 2) : 0;
  return Math.floor((Math.floor(x / 2 ** drop) * inverse + half) / 2 ** (19 - drop));
}

/** Quotient towards zero of two integers cut to 31 bits by the same shift. */
export function ratio(numerator: number, divisor: number): number {
  let unit = 1;
  while (Math.max(Math.abs(numerator), divisor) >= unit * 2 ** 31) unit *= 2;
  const below = Math.floor(divisor / unit);
  if (below === 0) return 0;
  const magnitude = Math.min(2 ** 20, Math.floor(Math.floor(Math.abs(numerator) / unit) / below));
  return numerator < 0 ? -magnitude : magnitude;
}

const clamp = (x: number, low: number, high: number): number => Math.max(low, Math.min(high, x));

export function movedZero(zero: number, mean: number, first: number, codeMin: number, codeMax: number): number {
  const [low, high] = [Math.max(first - 3, codeMin) * 4096, Math.min(first + 3, codeMax) * 4096];
  return clamp(zero - clamp(mean, -4096, 4096), low, high);
}

export function movedScale(s: number, share: number, s0: number, first: number): number {
  const next = s + Math.floor((s * clamp(share, -512, 512) + 2048) / 4096);
  return clamp(next, Math.floor((s0 * first) / 4096), Math.floor((s0 * 4506) / 4096));
}

/** Rounds a zero point in 1/4096 of a code to whole codes. */
export const roundedZero = (zero: number): number => Math.floor((zero + 2048) / 4096);

export interface HqqSums {
  readonly numerator: number;
  readonly divisor: number;
}

/** Sums of one round over the weights of a group. */
export function hqqSums(
  units: readonly number[],
  weights: readonly number[] | undefined,
  { s, zero }: { readonly s: number; readonly zero: number },
  { drop, low, high }: { readonly drop: number; readonly low: number; readonly high: number },
  powers: Uint32Array,
  round: number,
  movesZero: boolean,
): HqqSums {
  let [numerator, divisor] = [0, 0];
  for (const [index, x] of units.entries()) {
    const position = quotient4096(x, s, drop) + zero;
    const code = clamp(Math.floor((position + 2048) / 4096), low, high);
    const p = movesZero ? 1 : code - Math.floor(zero / 4096);
    const weight = weights?.[index] ?? 1;
    numerator += p * influence(position - code * 4096, powers, round) * weight;
    divisor += p * p * weight;
  }
  return { numerator, divisor };
}
