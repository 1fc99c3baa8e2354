// The f16 value nearest to a non-negative number, for references: ties to even, at most 65504.

/** Nearest f16 value of x >= 0, saturating at 65504; steps of 2^-24 below 2^-14. */
export function roundToHalf(x: number): number {
  if (x === 0) return 0;
  const exponent = Math.max(-14, Math.floor(Math.log2(x)));
  const step = 2 ** (exponent - 10);
  const steps = Math.floor(x / step);
  const rest = x / step - steps;
  const rounded = steps + (rest > 0.5 || (rest === 0.5 && steps % 2 === 1) ? 1 : 0);
  return Math.min(65504, rounded * step);
}
