// How a simulated tensor falls into groups that share a scale, and by which rule scales and codes are made: for
// weights as the files of `quantize` have them, for activations over the dims of the run.
import { UsageError } from "../../base/errors.ts";
import type { Rounding, Scheme } from "../../kernels/quantize/affine-rule.ts";
import { groupCount, type Geometry } from "../../kernels/quantize/geometry.ts";
import type { Weight } from "../../model/weights.ts";
import type { ScaleSearch } from "../quantize/encoding.ts";
import { isFormatName, resolveFormat } from "../quantize/formats.ts";
import { groupingOf, axesOf } from "../quantize/onnx/dequantize.ts";
import { fitsGatherBlockQuantized } from "../quantize/onnx/embedding.ts";
import { fitsMatMulNBits, matrixOf } from "../quantize/onnx/matmul.ts";
import type { AffineFormat, EncodedFormat } from "./formats.ts";
import { isSearchBlock, type FakeGranularity, type Setting } from "./rules.ts";

/** What is simulated. */
export interface Subject {
  readonly name: string;
  readonly dims: readonly number[];
  readonly weight?: Weight | undefined;
}

export interface Grouping {
  readonly geometry: Geometry;
  /** Axes in the order in which the geometry sees them, where it is not their own. */
  readonly order?: readonly number[];
}

/** Scales, zero points and codes of integers. */
export interface AffineChoice {
  readonly signed: boolean;
  readonly scheme: Scheme;
  readonly rounding: Rounding;
  readonly halfScales: boolean;
  readonly search: ScaleSearch;
}

const sizeOf = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1);

const defaultTableBlock = 64;
const defaultBlock = 32;

const formatNameOf = ({ rule }: Setting) => (isFormatName(rule.format) ? rule.format : undefined);

function defaultGranularity(
  setting: Setting,
  format: AffineFormat | EncodedFormat,
  weight: Weight | undefined,
): FakeGranularity {
  const { scale, rule } = setting;
  if (scale) return scale.length === 1 && rule.axis === undefined ? "tensor" : "channel";
  if (format.kind === "encoded") {
    if (format.block !== undefined) return { group: format.block };
    if (format.encoding.kind === "table") return { group: defaultTableBlock };
    if (format.encoding.kind === "cast") return "tensor";
  }
  if (!weight) return rule.axis === undefined ? "tensor" : "channel";
  const name = formatNameOf(setting);
  const resolved = name && resolveFormat(name);
  if (resolved?.granularity === "block") return { group: resolved.blockSize };
  return format.kind === "affine" && format.bits === 3 ? { group: defaultBlock } : "channel";
}

/**
 * The groups of a tensor under a rule.
 * @throws UsageError naming the tensor, for an axis that it lacks, groups that do not divide it where they must, and
 *   scales that are not as many as its groups
 */
export function groupsFor(setting: Setting, format: AffineFormat | EncodedFormat, subject: Subject): Grouping {
  const { rule, scale } = setting;
  const { name, dims, weight } = subject;
  const refuse = (what: string, hint: string): never => {
    throw new UsageError(`Rule "${rule.pattern}=${rule.format}": "${name}" [${dims.join(", ")}] ${what}`, {
      hint,
      details: { pattern: rule.pattern, tensor: name, dims: dims.join("x") },
    });
  };
  const per = rule.per ?? defaultGranularity(setting, format, weight);
  const rank = dims.length;
  const axisOr = (otherwise: number): number => {
    const given = rule.axis ?? otherwise;
    const axis = given < 0 ? given + rank : given;
    return axis >= 0 && axis < rank ? axis : refuse(`has no axis ${given}.`, `Its axes are 0 to ${rank - 1}.`);
  };
  const along = (axis: number) => ({ outer: sizeOf(dims.slice(0, axis)), inner: sizeOf(dims.slice(axis + 1)) });

  const found = ((): Grouping => {
    if (per === "tensor") return { geometry: { kind: "wide", outer: 1, channels: 1, inner: sizeOf(dims) } };
    if (per === "token") {
      const row = dims.at(-1) ?? refuse("has no rows.", "Use per=tensor.");
      return { geometry: { kind: "wide", outer: 1, channels: sizeOf(dims) / row, inner: row } };
    }
    if (per === "channel") {
      const axis = axisOr(weight ? axesOf(weight).channel : rank >= 4 ? 1 : rank - 1);
      return { geometry: { kind: "wide", channels: dims[axis] ?? 1, ...along(axis) } };
    }
    const blockSize = per.group;
    if (format.kind === "encoded" && format.encoding.kind === "table") {
      const axis = axisOr(weight ? axesOf(weight).reduction : rank - 1);
      // bitsandbytes lays blocks over the whole of a matrix, and so over the ends of its rows.
      const flat = rule.axis === undefined && weight !== undefined;
      const row = dims[axis] ?? 1;
      const order = [...dims.keys()].filter((each) => each !== axis).concat(axis);
      const turned = flat && !matrixOf(weight) ? false : axis !== rank - 1;
      if (!flat && row % blockSize !== 0 && row !== sizeOf(dims)) {
        refuse(
          `has rows of ${row}, which blocks of ${blockSize} do not divide.`,
          "Use smaller groups, or another axis.",
        );
      }
      const geometry = { kind: "blocked", outer: 1, dim: sizeOf(dims), inner: 1, blockSize } as const;
      return { geometry, ...(turned ? { order } : {}) };
    }
    if (weight && rule.axis === undefined) return { geometry: groupingOf(weight, { granularity: "block", blockSize }).geometry }; // prettier-ignore
    const axis = axisOr(rank - 1);
    return { geometry: { kind: "blocked", dim: dims[axis] ?? 1, ...along(axis), blockSize } };
  })();

  const groups = groupCount(found.geometry);
  if (scale && scale.length !== 1 && scale.length !== groups) {
    refuse(`has ${groups} groups, and ${scale.length} scales are given.`, "Give one scale, or one for each group.");
  }
  return atBlockOf(format, found);
}

/** Formats with blocks of their own keep them where a row is shorter. */
function atBlockOf(format: AffineFormat | EncodedFormat, grouping: Grouping): Grouping {
  const { geometry } = grouping;
  if (format.kind === "affine" || format.block === undefined || geometry.kind !== "blocked") return grouping;
  return { ...grouping, geometry: { ...geometry, blockSize: format.block } };
}

/** How integers of a tensor are made: those of weights as `quantize` would write them. */
export function affineChoice(
  setting: Setting,
  format: AffineFormat,
  subject: Subject,
  geometry: Geometry,
): AffineChoice {
  const { rule, scale, zero } = setting;
  const { weight } = subject;
  const name = formatNameOf(setting);
  const { signed } = format;
  const symmetric = rule.symmetric ?? (weight && name ? resolveFormat(name).symmetric : signed);
  const plain = { signed, rounding: "half-even", halfScales: false, search: { kind: "absmax" } } as const;
  if (scale) return { ...plain, scheme: zero ? "asymmetric" : "symmetric" };
  if (!weight) return { ...plain, scheme: symmetric ? "symmetric" : "asymmetric" };
  const kind = rule.search ?? (name ? resolveFormat(name).search.kind : "absmax");
  const searchable = geometry.kind === "wide" || isSearchBlock(geometry.blockSize);
  const search: ScaleSearch = kind === "mse" || kind === "hqq" ? { kind: searchable ? kind : "absmax" } : plain.search;
  if (geometry.kind === "wide") return { ...plain, search, scheme: symmetric ? "symmetric" : "asymmetric" };
  const { bits } = format;
  const inOperator =
    (bits === 2 || bits === 4) &&
    rule.axis === undefined &&
    (fitsMatMulNBits(weight) || fitsGatherBlockQuantized(weight, { bits, blockSize: geometry.blockSize }));
  if (!inOperator) {
    return { ...plain, search, halfScales: true, scheme: symmetric ? "symmetric" : "asymmetric" };
  }
  const scheme = symmetric ? "symmetric-full" : "asymmetric";
  return { ...plain, search, signed: false, rounding: "half-up", scheme };
}
