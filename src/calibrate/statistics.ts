// Statistics of a model's activations, by tensor name: what calibration measures, and methods that use data read.
// Plain data that merges: those of two halves of a data set give those of the whole.
import { FormatError, NonFiniteError, UsageError } from "../base/errors.ts";
import { histogramIsSound, mergeHistograms, type Histogram } from "./histogram.ts";

/** Of all elements of one tensor, over all samples. */
export interface TensorStatistics {
  /** Elements seen. */
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly meanSquare: number;
  /** The axis that the channels lie along: the last, or 1 for what convolutions read. */
  readonly axis?: number;
  /** By channel; each of `count` divided by the number of channels elements. */
  readonly channelMeans?: readonly number[];
  readonly channelAbsMax?: readonly number[];
  readonly channelAbsMean?: readonly number[];
  readonly channelMeanSquare?: readonly number[];
  readonly histogram?: Histogram;
  /** X^T X of the vectors along `axis`, [channels, channels], a sum over all vectors. Kept in a file beside the JSON. */
  readonly gram?: Float64Array;
}

export interface Statistics {
  readonly version: 1;
  /** SHA-256 of the model's file in hex: they hold for no other. */
  readonly model: string;
  readonly samples: number;
  readonly tensors: Readonly<Record<string, TensorStatistics>>;
}

const channelFields = ["channelMeans", "channelAbsMax", "channelAbsMean", "channelMeanSquare"] as const;

/**
 * Statistics of both runs together: counts, ranges and histograms exactly, means within rounding.
 * @throws UsageError where they are of two models, or a tensor was observed differently in the two
 * @example const all = mergeStatistics(monday, tuesday);
 */
export function mergeStatistics(a: Statistics, b: Statistics): Statistics {
  if (a.model !== b.model) {
    throw new UsageError("The statistics are of two models.", {
      hint: "Merge statistics of runs of one and the same file.",
      details: { first: a.model, second: b.model },
    });
  }
  const [names, others] = [Object.keys(a.tensors), new Set(Object.keys(b.tensors))];
  const lone = names.find((name) => !others.has(name)) ?? [...others].find((name) => !Object.hasOwn(a.tensors, name));
  if (lone !== undefined) {
    throw new UsageError(`Only one of the runs observed "${lone}".`, {
      hint: "Calibrate both halves with the same options.",
      details: { tensor: lone },
    });
  }
  const tensors = names.flatMap((name): [string, TensorStatistics][] => {
    const [left, right] = [a.tensors[name], b.tensors[name]];
    return left && right ? [[name, mergeTensors(name, left, right)]] : [];
  });
  return { version: 1, model: a.model, samples: a.samples + b.samples, tensors: Object.fromEntries(tensors) };
}

function mergeTensors(name: string, a: TensorStatistics, b: TensorStatistics): TensorStatistics {
  const differ = (what: string): never => {
    throw new UsageError(`The runs observed "${name}" differently: ${what}.`, {
      hint: "Calibrate both halves with the same options.",
      details: { tensor: name },
    });
  };
  const count = a.count + b.count;
  const mean = (left: number, right: number): number => (left * a.count + right * b.count) / count;
  if (a.axis !== b.axis) differ("channels lie along different axes");
  const channels = channelFields.flatMap((field): [string, readonly number[]][] => {
    const [left, right] = [a[field], b[field]];
    if (!left && !right) return [];
    if (left?.length !== right?.length) differ(`${field} has another number of channels`);
    const join = field === "channelAbsMax" ? Math.max : mean;
    return [[field, (left ?? []).map((value, i) => join(value, right?.[i] ?? 0))]];
  });
  if (!a.histogram !== !b.histogram) differ("one has no histogram");
  if (a.histogram && a.histogram.counts.length !== b.histogram?.counts.length) differ("their histograms' bins");
  if (a.gram?.length !== b.gram?.length) differ("their second moments' sizes");
  return {
    count,
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
    meanSquare: mean(a.meanSquare, b.meanSquare),
    ...(a.axis === undefined ? {} : { axis: a.axis }),
    ...Object.fromEntries(channels),
    ...(a.histogram && b.histogram ? { histogram: mergeHistograms(a.histogram, b.histogram) } : {}),
    ...(a.gram ? { gram: a.gram.map((value, i) => value + (b.gram?.[i] ?? 0)) } : {}),
  };
}

/** The JSON form. Second moments are left out: they are kept as arrays, by tensor name, in a file beside. */
export function statisticsToJson(statistics: Statistics): string {
  return JSON.stringify(statistics, (key, value: unknown) => (key === "gram" ? undefined : value), 1);
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) > 0;

/**
 * Reads the JSON form again.
 * @param model SHA-256 of the model that they are to be used for
 * @throws FormatError for what are no statistics; NonFiniteError naming the tensor; UsageError for another model's
 */
export function readStatistics(text: string, file: string, model?: string): Statistics {
  const refuse = (what: string, cause?: unknown): never => {
    throw new FormatError(`${file}: ${what}`, { cause, hint: "Calibrate the model anew.", details: { file } });
  };
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    return refuse("no JSON.", cause);
  }
  if (!isRecord(parsed) || parsed["version"] !== 1) return refuse("no statistics of version 1.");
  const { model: own, samples, tensors } = parsed;
  if (typeof own !== "string" || !/^[0-9a-f]{64}$/.test(own)) return refuse("names no model by its SHA-256.");
  if (!isCount(samples)) return refuse("is of no samples.");
  if (!isRecord(tensors) || Object.keys(tensors).length === 0) return refuse("holds no tensor.");
  if (model !== undefined && model !== own) {
    throw new UsageError(`${file}: the statistics are of another model.`, {
      hint: "Calibrate this model, or give the file that was calibrated.",
      details: { file, calibrated: own, given: model },
    });
  }
  const found = Object.entries(tensors).map(([name, each]) => [name, readTensor(each, name, file, refuse)] as const);
  return { version: 1, model: own, samples, tensors: Object.fromEntries(found) };
}

function readTensor(value: unknown, name: string, file: string, refuse: (what: string) => never): TensorStatistics {
  if (!isRecord(value)) return refuse(`"${name}" is no object.`);
  const finite = (each: unknown, field: string): number => {
    if (typeof each === "number" && Number.isFinite(each)) return each;
    throw new NonFiniteError(`${file}: ${field} of "${name}" is not a finite number.`, {
      hint: "Calibrate the model anew, with inputs that keep its activations finite.",
      details: { tensor: name, file },
    });
  };
  const { count, axis, histogram } = value;
  if (!isCount(count)) return refuse(`"${name}" counts no elements.`);
  if (axis !== undefined && !(Number.isSafeInteger(axis) && Number(axis) >= 0)) return refuse(`"${name}" has no axis.`);
  if (histogram !== undefined && !histogramIsSound(histogram)) return refuse(`"${name}" has a broken histogram.`);
  const [min, max] = [finite(value["min"], "min"), finite(value["max"], "max")];
  if (min > max) return refuse(`"${name}" has a min above its max.`);
  const channels = channelFields.flatMap((field): [string, readonly number[]][] => {
    const list = value[field];
    if (list === undefined) return [];
    if (!Array.isArray(list)) return refuse(`${field} of "${name}" is no list.`);
    return [[field, list.map((each: unknown) => finite(each, field))]];
  });
  if (new Set(channels.map(([, list]) => list.length)).size > 1) {
    return refuse(`"${name}" has lists of different numbers of channels.`);
  }
  return {
    count,
    min,
    max,
    meanSquare: finite(value["meanSquare"], "meanSquare"),
    ...(axis === undefined ? {} : { axis: Number(axis) }),
    ...Object.fromEntries(channels),
    ...(histogram === undefined ? {} : { histogram }),
  };
}
