// Rules of simulated quantization: which tensors, in which format, at which granularity, under which scales. Parsed
// from text and JSON, checked before anything runs.
import { UsageError } from "../../base/errors.ts";
import { lowestCode } from "../../kernels/quantize/affine-rule.ts";
import { describedFormats, fakeFormats, isFakeFormat, type AffineFormat, type EncodedFormat, type FakeFormat } from "./formats.ts"; // prettier-ignore

/** What shares a scale: all elements, an index of one axis, a row of the last axis, or neighbours along an axis. */
export type FakeGranularity = "tensor" | "channel" | "token" | { readonly group: number };

/**
 * Simulates tensors in a format. A pattern (a glob, or a regular expression between slashes) is held against
 *  - names of tensors: an activation is simulated where it arises, for all who read it; a weight where it is read;
 *  - names and operator types of nodes: what the node reads, activations and weights, is simulated for it alone.
 * The last rule that matches decides. Weights are what `quantize` takes for weights; other constants (biases, scales
 * of Resize …) are simulated only where the pattern is their very name.
 */
export interface FakeQuantRule {
  readonly pattern: string;
  /** "skip" leaves what it matches in full precision. */
  readonly format: FakeFormat | "skip";
  /** Both where absent. */
  readonly on?: "weights" | "activations";
  /**
   * Default: that of the file format for weights (int8 per channel, int4 by 32 …), the whole tensor for activations,
   * and the format's own block where it has one.
   */
  readonly per?: FakeGranularity;
  /**
   * The axis of channels or groups, counted from the end where negative. Default: a weight's output channels, the axis
   * it is summed along for its groups; of activations axis 1 for ranks of 4 and more, else the last, and the last for
   * groups.
   */
  readonly axis?: number;
  /** Integers only. Default: as `quantize` has it for weights, symmetric for signed activations. */
  readonly symmetric?: boolean;
  /** Scales, one or one for each group; integers and fp8. Computed from the values in each run where absent. */
  readonly scale?: number | readonly number[];
  /** Zero points that go with the scales; 0 where absent, as in QuantizeLinear. */
  readonly zero?: number | readonly number[];
  /** How scales of weights are chosen; integers of 2, 4 and 8 bits. Default: as `quantize` does. */
  readonly search?: "absmax" | "mse" | "hqq";
}

/** A rule that has been checked. */
export interface Setting {
  readonly index: number;
  readonly rule: FakeQuantRule;
  /** Absent where the rule says to skip. */
  readonly format?: AffineFormat | EncodedFormat;
  readonly scale?: readonly number[];
  readonly zero?: readonly number[];
}

const ruleSyntax = new RegExp(`^(.+)=(${fakeFormats.join("|")}|skip)((?:,[^,]+)*)$`, "s");

const syntaxHint = `Formats: ${fakeFormats.join(" ")} skip. Example: --fake-quant "Conv=int8,per=tensor,scale=0.02"`;

/**
 * Parses `PATTERN=FORMAT[,per=tensor|channel|token|group:N][,axis=N][,scale=X[:Y…]][,zero=N[:M…]][,symmetric|asymmetric]
 * [,on=weights|activations][,search=absmax|mse|hqq]`.
 * @throws UsageError
 */
export function parseFakeQuantRule(text: string): FakeQuantRule {
  const [, pattern, format, flags = ""] = ruleSyntax.exec(text) ?? [];
  if (!pattern || !format || !(format === "skip" || isFakeFormat(format))) {
    throw new UsageError(`Rule "${text}" is not PATTERN=FORMAT.`, { hint: syntaxHint, details: { rule: text } });
  }
  const options = flags
    .split(",")
    .slice(1)
    .map((flag) => parseFlag(flag, text));
  return { pattern, format, ...Object.assign({}, ...options) };
}

function parseFlag(flag: string, rule: string): Partial<FakeQuantRule> {
  const [key = "", value] = flag.split("=");
  if (value === undefined && (key === "symmetric" || key === "asymmetric")) return { symmetric: key === "symmetric" };
  const numbers = (value ?? "").split(":").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  const [first = Number.NaN] = numbers;
  if (key === "per" && value !== undefined) return { per: granularityOf(value, rule) };
  if (key === "axis" && Number.isInteger(first) && numbers.length === 1) return { axis: first };
  if ((key === "scale" || key === "zero") && numbers.every(Number.isFinite)) {
    return { [key]: numbers.length === 1 ? first : numbers };
  }
  if (key === "on" && (value === "weights" || value === "activations")) return { on: value };
  if (key === "search" && (value === "absmax" || value === "mse" || value === "hqq")) return { search: value };
  throw new UsageError(`Rule "${rule}" has an unknown flag "${flag}".`, {
    hint: "Flags: per=tensor|channel|token|group:N, axis=N, scale=X, zero=N, symmetric, asymmetric, on=weights|activations, search=absmax|mse|hqq.",
    details: { rule, flag },
  });
}

function granularityOf(text: string, rule: string): FakeGranularity {
  if (text === "tensor" || text === "channel" || text === "token") return text;
  const [, size] = /^(?:group|block):(\d+)$/.exec(text) ?? [];
  if (size !== undefined) return { group: Number(size) };
  throw new UsageError(`Rule "${rule}" has an unknown granularity "${text}".`, {
    hint: "Use per=tensor, per=channel, per=token or per=group:32.",
    details: { rule },
  });
}

const isNumbers = (value: unknown): value is number | number[] =>
  typeof value === "number" || (Array.isArray(value) && value.every((each) => typeof each === "number"));

const fields = new Set(["pattern", "format", "on", "per", "axis", "symmetric", "scale", "zero", "search"]);

/**
 * Rules out of JSON: an array of rules as objects or in the form of text.
 * @throws UsageError for anything else
 */
export function fakeQuantRulesOf(json: unknown): readonly FakeQuantRule[] {
  if (!Array.isArray(json)) throw new UsageError("Rules are not a JSON array.", { hint: 'Give [{"pattern": "*", "format": "int8"}], for example.' }); // prettier-ignore
  return json.map((each: unknown, i): FakeQuantRule => {
    if (typeof each === "string") return parseFakeQuantRule(each);
    if (typeof each !== "object" || each === null || Array.isArray(each)) {
      throw new UsageError(`Rule ${i} is no object.`, { hint: syntaxHint });
    }
    const unknown = Object.keys(each).find((key) => !fields.has(key));
    if (unknown !== undefined) {
      throw new UsageError(`Rule ${i} has an unknown field "${unknown}".`, {
        hint: `Fields: ${[...fields].join(", ")}.`,
      });
    }
    const given = each as Readonly<Record<string, unknown>>;
    const { pattern, format, per, on, search, symmetric, axis, scale, zero } = given;
    const name = `rule ${i}`;
    const wrong = (what: string): UsageError =>
      new UsageError(`Rule ${i} has a wrong ${what}.`, { hint: syntaxHint, details: { rule: i } });
    if (typeof pattern !== "string" || pattern === "") throw wrong("pattern");
    if (typeof format !== "string" || !(format === "skip" || isFakeFormat(format))) throw wrong("format");
    if (on !== undefined && on !== "weights" && on !== "activations") throw wrong("on");
    if (search !== undefined && search !== "absmax" && search !== "mse" && search !== "hqq") throw wrong("search");
    if (symmetric !== undefined && typeof symmetric !== "boolean") throw wrong("symmetric");
    if (axis !== undefined && typeof axis !== "number") throw wrong("axis");
    if (scale !== undefined && !isNumbers(scale)) throw wrong("scale");
    if (zero !== undefined && !isNumbers(zero)) throw wrong("zero");
    const size = typeof per === "object" && per !== null && "group" in per ? per.group : undefined;
    if (per !== undefined && typeof per !== "string" && typeof size !== "number") throw wrong("per");
    return {
      pattern,
      format,
      ...(on === undefined ? {} : { on }),
      ...(search === undefined ? {} : { search }),
      ...(symmetric === undefined ? {} : { symmetric }),
      ...(axis === undefined ? {} : { axis }),
      ...(scale === undefined ? {} : { scale }),
      ...(zero === undefined ? {} : { zero }),
      ...(typeof per === "string" ? { per: granularityOf(per, name) } : {}),
      ...(typeof size === "number" ? { per: { group: size } } : {}),
    };
  });
}

/** The largest group that kernels take; longer ones are channels or tokens. */
const largestGroup = 1024;

const listOf = (value: number | readonly number[] | undefined): readonly number[] | undefined =>
  typeof value === "number" ? [value] : value;

/**
 * Checks a rule by itself.
 * @throws UsageError for options that contradict the format or each other
 */
export function settingOf(rule: FakeQuantRule, index: number): Setting {
  const { pattern, format: name, per, search, symmetric } = rule;
  const refuse = (what: string, hint: string): never => {
    throw new UsageError(`Rule "${pattern}=${name}": ${what}`, { hint, details: { pattern, format: name } });
  };
  if (name === "skip") return { index, rule };
  const format = describedFormats[name];
  const isAffine = format.kind === "affine";
  const isFloat8 = !isAffine && format.encoding.kind === "float8";
  const [scale, zero] = [listOf(rule.scale), listOf(rule.zero)];
  const group = typeof per === "object" ? per.group : undefined;

  if (rule.axis !== undefined && !Number.isInteger(rule.axis)) refuse("the axis is no integer.", "Use axis=1.");
  if (group !== undefined && !(Number.isInteger(group) && group >= 1 && group <= largestGroup)) {
    refuse(
      `groups of ${group} can't be made.`,
      `Use 1 to ${largestGroup}, or per=channel or per=token for longer ones.`,
    );
  }
  if (!isAffine) {
    const { encoding, block } = format;
    if (block !== undefined && per !== undefined && group !== block) {
      refuse(`its blocks are of ${block} elements.`, `Leave the granularity out, or use per=group:${block}.`);
    }
    if (encoding.kind === "table" && per !== undefined && !isTableBlock(group)) {
      refuse("it has blocks of a power of two from 16 to 1024.", "Use per=group:64.");
    }
    if (encoding.kind === "cast" && (per !== undefined || rule.axis !== undefined)) {
      refuse("it has no scales, so no granularity.", "Leave it out.");
    }
    if (symmetric !== undefined || search !== undefined || zero !== undefined) {
      refuse("it has no symmetry, zero point or search.", "These belong to the int and uint formats.");
    }
    if (scale && !isFloat8) refuse("its scales can't be given.", "Scales can be given for integers and fp8.");
  } else {
    const { bits } = format;
    if (search !== undefined && scale)
      refuse("scales are given, so there is none to search.", "Leave one of them out.");
    if (search !== undefined && search !== "absmax") {
      if (bits === 3 || bits === 16) refuse("there is no search at this width.", "Search is for 2, 4 and 8 bits.");
      if (rule.on === "activations") refuse("search is for weights.", "Leave it out.");
      if (group !== undefined && !isSearchBlock(group)) {
        refuse("search takes groups of a power of two from 16 to 256.", "Use per=group:32.");
      }
    }
    if (zero && !scale) refuse("zero points need scales.", "Add scale=…");
    const lowest = lowestCode(format);
    const fits = (each: number): boolean => Number.isInteger(each) && each >= lowest && each < lowest + 2 ** bits;
    if (zero && !zero.every(fits)) refuse(`zero points are integers from ${lowest} to ${lowest + 2 ** bits - 1}.`, "Correct them."); // prettier-ignore
    if (scale && symmetric !== undefined) {
      refuse("symmetry follows from the zero points that are given.", "Leave it out.");
    }
  }
  if (scale && !(scale.length > 0 && scale.every((each) => each >= 2 ** -100 && each <= 2 ** 100))) {
    refuse("scales are positive numbers that f32 holds.", "Correct them.");
  }
  if (scale && zero && zero.length !== scale.length && zero.length !== 1) {
    refuse(`there are ${zero.length} zero points for ${scale.length} scales.`, "Give one, or as many.");
  }
  return { index, rule, format, ...(scale ? { scale } : {}), ...(zero ? { zero } : {}) };
}

const isPowerOfTwo = (n: number): boolean => Number.isInteger(Math.log2(n));
const isTableBlock = (n: number | undefined): boolean => n !== undefined && n >= 16 && isPowerOfTwo(n);

/** Whether the scale searches take groups of this size. */
export const isSearchBlock = (n: number): boolean => n >= 16 && n <= 256 && isPowerOfTwo(n);
