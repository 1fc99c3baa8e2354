// The algorithms that `quantize` knows besides plain rounding of weights: names and what each is for. Data only; the
// command line and the entries load what an algorithm needs when it is asked for.

export interface Algorithm {
  readonly name: string;
  readonly summary: string;
}

export const algorithms = [
  { name: "static", summary: "8-bit weights and activations, ranges from calibration" },
  { name: "gptq", summary: "weights alone, each input channel making up for the errors of those before it" },
  { name: "awq", summary: "weights alone, channels of large inputs scaled up before rounding, for nothing" },
  { name: "smoothquant", summary: "as awq, half of the activations' outliers moved into the weights" },
] as const satisfies readonly Algorithm[];

export type AlgorithmName = (typeof algorithms)[number]["name"];

export const algorithmNames: readonly AlgorithmName[] = algorithms.map(({ name }) => name);
