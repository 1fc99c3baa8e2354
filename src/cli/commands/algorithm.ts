// `wgslim quantize --algorithm NAME`: loads the command of the algorithm that is asked for.
import { algorithmNames, type AlgorithmName } from "../../methods/algorithms.ts";
import { parseChoice } from "../options.ts";
import type { StaticFlags } from "./quantize-static.ts";

type Command = (input: string, flags: StaticFlags, signal: AbortSignal) => Promise<void>;

const commands: Readonly<Record<AlgorithmName, () => Promise<Command>>> = {
  static: async () => (await import("./quantize-static.ts")).quantizeStatic,
  gptq: async () => (await import("./quantize-calibrated.ts")).quantizeCalibrated("gptq"),
  awq: async () => (await import("./quantize-calibrated.ts")).quantizeCalibrated("awq"),
  smoothquant: async () => (await import("./quantize-calibrated.ts")).quantizeCalibrated("smoothquant"),
};

/** @throws UsageError for an unknown algorithm; else as the algorithm's command */
export async function quantizeByAlgorithm(
  input: string,
  flags: StaticFlags & { readonly algorithm: string },
  signal: AbortSignal,
): Promise<void> {
  const command = await commands[parseChoice("--algorithm", flags.algorithm, algorithmNames)]();
  await command(input, flags, signal);
}
