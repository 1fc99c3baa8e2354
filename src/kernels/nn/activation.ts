// Activations that kernels apply to what they compute, and their reference: the numbers that
// shaders/common/activation.wgsl switches on.

/** Kinds, by the number that the shader knows them by. */
export const activationKinds = [
  "none",
  "relu",
  "clip",
  "leakyRelu",
  "sigmoid",
  "tanh",
  "hardSigmoid",
  "hardSwish",
  "gelu",
  "geluTanh",
  "silu",
  "elu",
] as const;

export type ActivationKind = (typeof activationKinds)[number];

/**
 * An activation and its constants: clip between a and b; leakyRelu and elu with slope a; hardSigmoid a x + b.
 */
export interface Activation {
  readonly kind: ActivationKind;
  readonly a?: number;
  readonly b?: number;
}

export const noActivation: Activation = { kind: "none" };

/** The number of a kind. */
export const activationNumber = (kind: ActivationKind): number => activationKinds.indexOf(kind);

/** The error function in doubles, to about 1e-15: series below 2.5, continued fraction of the complement above. */
export function erf(x: number): number {
  const m = Math.abs(x);
  if (m < 2.5) {
    let [term, sum] = [m, m];
    for (let n = 1; n < 80; n++) {
      term *= (-m * m) / n;
      sum += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (m + fraction);
  return Math.sign(x) * (1 - Math.exp(-m * m) / (Math.sqrt(Math.PI) * (m + fraction)));
}

const clamp = (x: number, low: number, high: number): number => (x < low ? low : x > high ? high : x);

/** What the shader's `activate` computes, in doubles. */
export function activate(x: number, { kind, a = 0, b = 0 }: Activation): number {
  if (kind === "relu") return x < 0 ? 0 : x;
  if (kind === "clip") return clamp(x, a, b);
  if (kind === "leakyRelu") return x < 0 ? a * x : x;
  if (kind === "sigmoid") return 1 / (1 + Math.exp(-x));
  if (kind === "tanh") return Math.tanh(x);
  if (kind === "hardSigmoid") return clamp(a * x + b, 0, 1);
  if (kind === "hardSwish") return x * clamp(x / 6 + 0.5, 0, 1);
  if (kind === "gelu") return 0.5 * x * (1 + erf(x / Math.SQRT2));
  if (kind === "geluTanh") return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
  if (kind === "silu") return x / (1 + Math.exp(-x));
  if (kind === "elu") return x < 0 ? a * (Math.exp(x) - 1) : x;
  return x;
}

/** The activation that a kernel's params or overrides name by number. */
export const activationOf = (number: number, a: number, b: number): Activation => ({
  kind: activationKinds[number] ?? "none",
  a,
  b,
});
