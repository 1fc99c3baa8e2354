// The standard normal distribution: its CDF and the inverse, to about 15 digits, by series and by Newton's method, so
// that no table of coefficients has to be trusted.

const density = (x: number): number => Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);

/** P(Z > x) for x of 4 and more, by the continued fraction 1/(x + 1/(x + 2/(x + 3/(x + …)))). */
function upperTail(x: number): number {
  let fraction = x;
  for (let term = 100; term >= 1; term--) fraction = x + term / fraction;
  return density(x) / fraction;
}

/** P(Z <= x). Small tails keep their relative precision. */
export function normalCdf(x: number): number {
  if (Number.isNaN(x)) return Number.NaN;
  if (x < 0) return normalUpper(-x);
  return 1 - normalUpper(x);
}

/** P(Z > x). */
export function normalUpper(x: number): number {
  if (x < 0) return 1 - normalUpper(-x);
  if (x >= 4) return x > 40 ? 0 : upperTail(x);
  // Marsaglia, "Evaluating the normal distribution", 2004: all terms positive, so nothing cancels inside the sum.
  let [sum, term] = [x, x];
  for (let odd = 3; term > sum * 1e-17; odd += 2) {
    term *= (x * x) / odd;
    sum += term;
  }
  return 0.5 - sum * density(x);
}

/** The x of which `normalCdf` is p; -Infinity for 0 and Infinity for 1. */
export function normalQuantile(p: number): number {
  if (!(p > 0 && p < 1)) return p === 0 ? Number.NEGATIVE_INFINITY : p === 1 ? Number.POSITIVE_INFINITY : Number.NaN;
  if (p > 0.5) return -normalQuantile(1 - p);
  // Bisection brackets, Newton polishes: the CDF is convex to the left of 0, so Newton's steps stay in the bracket.
  let [low, high] = [-40, 0];
  while (high - low > 1e-3) {
    const middle = (low + high) / 2;
    if (normalCdf(middle) < p) low = middle;
    else high = middle;
  }
  let x = high;
  for (let step = 0; step < 8; step++) {
    const slope = density(x);
    if (slope === 0) break;
    x -= (normalCdf(x) - p) / slope;
  }
  return x;
}
