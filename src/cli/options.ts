// Parsers for option values; each throws a UsageError that names the option.
import { UsageError } from "../base/errors.ts";
import { parseBytes } from "../base/size.ts";
import type { ScaleSearch } from "../methods/quantize/encoding.ts";
import {
  formatNames,
  isFormatName,
  resolveFormat,
  type FormatName,
  type FormatOptions,
  type Granularity,
} from "../methods/quantize/formats.ts";
import { parseRule } from "../methods/quantize/rules.ts";
import type { QuantizeRecipe } from "../compress/plan-compression.ts";

/** What commander hands over for `plan` and `quantize`. */
export interface RecipeFlags {
  readonly format?: string;
  readonly block?: string;
  readonly granularity?: string;
  readonly symmetric?: boolean;
  readonly asymmetric?: boolean;
  readonly search?: string;
  readonly percentile?: string;
  readonly operator?: string;
  readonly rule?: readonly string[];
  /** False with --no-skip. */
  readonly skip?: boolean;
  readonly skipMinElements?: string;
  readonly skipEdgeShare?: string;
  readonly externalData?: string;
  readonly keepFloat?: string;
}

export function parseNumber(option: string, text: string, low = -Infinity, high = Infinity): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < low || value > high) {
    throw new UsageError(
      `${option} takes a number${low > -Infinity ? ` from ${low}` : ""}${high < Infinity ? ` to ${high}` : ""}, not "${text}".`,
      {
        hint: `Example: ${option} ${Math.max(low, 0)}.`,
      },
    );
  }
  return value;
}

export function parseChoice<T extends string>(option: string, text: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (found === undefined)
    throw new UsageError(`${option} takes one of ${choices.join(", ")}, not "${text}".`, {
      hint: `Choose one of them.`,
    });
  return found;
}

export function parseFormat(text: string | undefined): FormatName {
  if (text === undefined) {
    throw new UsageError("No format is given.", { hint: `Add --format int8, or another of ${formatNames.join(" ")}.` });
  }
  if (isFormatName(text)) return text;
  throw new UsageError(`There is no format "${text}".`, { hint: `Formats: ${formatNames.join(" ")}.` });
}

export const parseBudget = (text: string | undefined): { memoryBudget?: number } =>
  text === undefined ? {} : { memoryBudget: parseBytes(text) };

function parseSearch(flags: RecipeFlags): ScaleSearch | undefined {
  if (flags.percentile !== undefined && flags.search !== "percentile") {
    throw new UsageError("--percentile goes with --search percentile.", { hint: "Add --search percentile." });
  }
  if (flags.search === undefined) return undefined;
  const kind = parseChoice("--search", flags.search, ["absmax", "mse", "hqq", "percentile"] as const);
  if (kind !== "percentile") return { kind };
  return { kind, percentile: parseNumber("--percentile", flags.percentile ?? "99.9", 50, 100) };
}

function parseFormatOptions(flags: RecipeFlags): FormatOptions {
  if (flags.symmetric && flags.asymmetric)
    throw new UsageError("--symmetric and --asymmetric exclude each other.", { hint: "Give one of them." });
  const search = parseSearch(flags);
  return {
    ...(flags.granularity === undefined
      ? {}
      : { granularity: parseChoice<Granularity>("--granularity", flags.granularity, ["tensor", "channel", "block"]) }),
    ...(flags.block === undefined ? {} : { blockSize: parseNumber("--block", flags.block, 1) }),
    ...(flags.symmetric ? { symmetric: true } : flags.asymmetric ? { symmetric: false } : {}),
    ...(search ? { search } : {}),
    ...(flags.operator === undefined
      ? {}
      : {
          operator: parseChoice("--operator", flags.operator, ["auto", "matmul-nbits", "dequantize-linear"] as const),
        }),
  };
}

/** From flags to a recipe. @throws UsageError */
export function parseRecipe(flags: RecipeFlags): QuantizeRecipe {
  const [format, formatOptions] = [parseFormat(flags.format), parseFormatOptions(flags)];
  const rules = (flags.rule ?? []).map(parseRule);
  // Options that clash are told before a model or a device is opened.
  resolveFormat(format, formatOptions);
  for (const rule of rules) if (rule.format !== "skip") resolveFormat(rule.format, rule.options);
  return {
    format,
    formatOptions,
    rules,
    skip:
      flags.skip === false
        ? false
        : {
            ...(flags.skipMinElements === undefined
              ? {}
              : { minElements: parseNumber("--skip-min-elements", flags.skipMinElements, 0) }),
            ...(flags.skipEdgeShare === undefined
              ? {}
              : { edgeShare: parseNumber("--skip-edge-share", flags.skipEdgeShare, 0, 1) }),
          },
    ...(flags.externalData === undefined ? {} : { externalDataFile: flags.externalData }),
    ...(flags.keepFloat === undefined ? {} : { keepFloat: flags.keepFloat.split(",").filter((name) => name !== "") }),
  };
}
