// Which format each weight gets: the user's rules first, then the default skip list, then the default format.
import wildcardMatch from "wildcard-match";
import { UsageError } from "../../base/errors.ts";
import type { Weight } from "../../model/weights.ts";
import {
  isFormatName,
  resolveFormat,
  formatNames,
  type FormatName,
  type FormatOptions,
  type ResolvedFormat,
} from "./formats.ts";

/** A rule: a glob, or a regular expression between slashes, over weight ids and node names. */
export interface Rule {
  readonly pattern: string;
  readonly format: FormatName | "skip";
  readonly options?: FormatOptions;
}

/** The default skip list; every entry can be switched off or changed. */
export interface SkipPolicy {
  /** Weights with fewer elements stay float. Default 512. */
  readonly minElements?: number;
  /**
   * The first and the last weight of the graph stay float while they hold at most this share of all
   * weight bytes; a larger one is quantized like the rest, or the file would hardly shrink. Default 0.005
   * for weight-only int and uint formats of 4 and 8 bits, where 8 bits serve up to 0.02, and 0.02 for the others.
   */
  readonly edgeShare?: number;
}

export type Decision =
  | { readonly weight: Weight; readonly format: ResolvedFormat; readonly by: "default" | "rule" }
  | { readonly weight: Weight; readonly skip: string };

export interface RuleOptions {
  readonly format: FormatName;
  readonly formatOptions?: FormatOptions;
  readonly rules?: readonly Rule[];
  /** `false` switches the default skip list off. */
  readonly skip?: SkipPolicy | false;
}

/**
 * Parses `PATTERN=FORMAT[:block=N][:symmetric|:asymmetric][:search=KIND][:tensor|:channel]` or `PATTERN=skip`.
 * @throws UsageError
 */
export function parseRule(text: string): Rule {
  const [, pattern, format, flags = ""] = ruleSyntax.exec(text) ?? [];
  if (!pattern || !(format === "skip" || (format && isFormatName(format)))) {
    throw new UsageError(`Rule "${text}" is not PATTERN=FORMAT.`, {
      hint: `Formats: ${formatNames.join(" ")} skip. Example: --rule "*lm_head*=int8:block=64"`,
    });
  }
  const options = flags
    .split(":")
    .slice(1)
    .map((flag) => parseFlag(flag, text));
  return { pattern, format, options: Object.assign({}, ...options) };
}

const ruleSyntax = new RegExp(`^(.+)=(${formatNames.join("|")}|skip)((?::[^:]+)*)$`, "s");

function parseFlag(flag: string, rule: string): FormatOptions {
  const [key, value] = flag.split("=");
  if (key === "block" && value) return { blockSize: Number(value) };
  if (key === "symmetric" || key === "asymmetric") return { symmetric: key === "symmetric" };
  if (key === "tensor" || key === "channel") return { granularity: key };
  if (key === "search" && (value === "absmax" || value === "mse" || value === "hqq"))
    return { search: { kind: value } };
  throw new UsageError(`Rule "${rule}" has an unknown flag "${flag}".`, {
    hint: "Flags: block=N, symmetric, asymmetric, tensor, channel, search=absmax|mse|hqq.",
  });
}

/** Whether a name matches a glob, or a regular expression between slashes. @throws UsageError */
export function ruleMatcher(pattern: string): (name: string) => boolean {
  const expression = /^\/(.*)\/([a-z]*)$/s.exec(pattern);
  // No separator: one star crosses slashes and dots, which names are full of.
  if (!expression) return wildcardMatch(pattern, { separator: false });
  try {
    const regExp = new RegExp(expression[1] ?? "", expression[2]);
    return (name) => regExp.test(name);
  } catch (cause) {
    throw new UsageError(`Rule pattern ${pattern} is not a regular expression.`, {
      cause,
      hint: "Check the text between the slashes.",
    });
  }
}

/** The names that a rule may match: the weight's id and those of the nodes that use it. */
const namesOf = (weight: Weight): string[] => [
  weight.id,
  ...weight.uses.map((use) => use.node.name).filter((name) => name !== ""),
];

/**
 * Decides for every weight. Later rules win over earlier ones.
 * @throws UsageError when a rule matches nothing (near names are listed) or a format's options clash
 */
export function decide(weights: readonly Weight[], options: RuleOptions): readonly Decision[] {
  const base = resolveFormat(options.format, options.formatOptions);
  const rules = (options.rules ?? []).map((rule) => ({ rule, matches: ruleMatcher(rule.pattern) }));
  for (const { rule, matches } of rules) {
    if (!weights.some((weight) => namesOf(weight).some(matches))) throw unmatched(rule, weights);
  }
  const skips = options.skip === false ? new Map<Weight, string>() : defaultSkips(weights, base, options.skip ?? {});
  return weights.map((weight): Decision => {
    const found = rules.findLast(({ matches }) => namesOf(weight).some(matches))?.rule;
    if (found?.format === "skip") return { weight, skip: `rule "${found.pattern}"` };
    if (found) return { weight, format: resolveFormat(found.format, found.options), by: "rule" };
    const skip = base.family === "half" ? undefined : skips.get(weight);
    return skip === undefined ? { weight, format: base, by: "default" } : { weight, skip };
  });
}

function defaultSkips(weights: readonly Weight[], base: ResolvedFormat, policy: SkipPolicy): Map<Weight, string> {
  const minElements = policy.minElements ?? 512;
  const edgeShare = policy.edgeShare ?? (base.family === "affine" && base.bits >= 4 ? 0.005 : 0.02);
  const total = weights.reduce((sum, weight) => sum + weight.elements, 0);
  const skips = new Map<Weight, string>();
  for (const weight of weights) {
    if (weight.elements < minElements)
      skips.set(weight, `tiny: ${weight.elements} elements, fewer than ${minElements}`);
  }
  const edges = [
    ["first", weights[0]],
    ["last", weights.at(-1)],
  ] as const;
  for (const [place, weight] of edges) {
    if (weight && weights.length > 2 && !skips.has(weight) && weight.elements <= edgeShare * total) {
      skips.set(weight, `${place} layer, ${((100 * weight.elements) / total).toFixed(1)}% of the weights`);
    }
  }
  return skips;
}

function unmatched(rule: Rule, weights: readonly Weight[]): UsageError {
  const near = nearNames(
    rule.pattern,
    weights.map(({ id }) => id),
  );
  return new UsageError(`Rule "${rule.pattern}" matches no weight.`, {
    hint: `Near names: ${near.join(", ") || "none, the model has no weights"}.`,
    details: { pattern: rule.pattern, near },
  });
}

/** Up to five names that a pattern may have meant. */
export function nearNames(pattern: string, names: readonly string[]): readonly string[] {
  const literal = pattern
    .replaceAll(/[^A-Za-z0-9]+/g, " ")
    .trim()
    .toLowerCase();
  return names
    .map((name) => ({ name, score: similarity(literal, name.toLowerCase()) }))
    .toSorted((a, b) => b.score - a.score)
    .slice(0, 5)
    .map(({ name }) => name);
}

const letterPairs = (text: string): Set<string> =>
  new Set(Array.from({ length: Math.max(0, text.length - 1) }, (_, i) => text.slice(i, i + 2)));

/** Share of letter pairs in common (Dice's coefficient). */
function similarity(a: string, b: string): number {
  const [left, right] = [letterPairs(a), letterPairs(b)];
  const common = [...left].filter((pair) => right.has(pair)).length;
  return left.size + right.size === 0 ? 0 : (2 * common) / (left.size + right.size);
}
