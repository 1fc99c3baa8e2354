// The algorithms that `quantize` knows besides plain rounding of weights: names and what each is for. Data only; the
// command line and the entries load what an algorithm needs when it is asked for.

export interface Algorithm {
  readonly name: string;
  readonly summary: string;
}

export const algorithms = [
  { name: "static", summary: "8-bit weights and activations, ranges from calibration" },
] as const satisfies readonly Algorithm[];

export type AlgorithmName = (typeof algorithms)[number]["name"];

export const algorithmNames: readonly AlgorithmName[] = algorithms.map(({ name }) => name);
