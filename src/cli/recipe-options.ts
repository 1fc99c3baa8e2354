// The options that `plan` and `quantize` share, declared once.
import type { Command } from "commander";
import { defaultHalfBlockList } from "../methods/quantize/onnx/half.ts";
import { describeFormat, formatNames, resolveFormat } from "../methods/quantize/formats.ts";

/** For options that may be given several times. */
export const collect = (value: string, earlier: readonly string[] = []): readonly string[] => [...earlier, value];

export function addRecipeOptions(command: Command): Command {
  return command
    .option("-f, --format <name>", `one of ${formatNames.join(", ")}`)
    .option("--block <n>", "elements that share a scale: 16, 32, 64, 128 or 256")
    .option("--granularity <kind>", "tensor, channel or block")
    .option("--symmetric", "zero point in the middle of the codes")
    .option("--asymmetric", "a zero point per scale")
    .option("--search <kind>", "how scales are chosen: absmax, mse, hqq or percentile")
    .option("--percentile <p>", "with --search percentile: 50 to 100 (default 99.9)")
    .option("--operator <kind>", "auto, matmul-nbits or dequantize-linear", undefined)
    .option("--rule <pattern=format>", "format for matching weights or nodes; glob or /regex/; repeatable", collect)
    .option("--no-skip", "quantize tiny tensors and small first and last layers too")
    .option("--skip-min-elements <n>", "weights with fewer elements stay float (default 512)")
    .option(
      "--skip-edge-share <share>",
      "first and last layer stay float up to this share of the weights (default 0.005; 0.02 below 4 bits, in tables and dynamic formats)",
    )
    .option(
      "--keep-float <list>",
      `fp16, q4f16: operator types or node names that stay f32, comma separated (default ${defaultHalfBlockList.join()})`,
    )
    .option("--external-data <name>", "write weights to this file beside the output")
    .option("--memory-budget <size>", "most bytes on the device at once, such as 256MiB")
    .addHelpText(
      "after",
      `\nFormats and their defaults:\n${formatNames.map((name) => `  ${describeFormat(resolveFormat(name))}`).join("\n")}`,
    );
}
