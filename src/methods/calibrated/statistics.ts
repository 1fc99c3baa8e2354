// What calibration tells of the inputs of one weight, taken together where several operators read it.
import { UsageError } from "../../base/errors.ts";
import type { Statistics, TensorStatistics } from "../../calibrate/statistics.ts";

export interface InputStatistics {
  readonly channels: number;
  /** Mean of |x| by channel. */
  readonly absMean: Float64Array;
  /** Largest |x| by channel. */
  readonly absMax: Float64Array;
  /** Mean of x^2 by channel. */
  readonly meanSquare: Float64Array;
  /** X^T X, [channels, channels]; only of inputs whose second moments were asked for. */
  readonly gram?: Float64Array;
}

/**
 * @param tensors the inputs of a weight's operators, by name
 * @returns undefined where one of them was not observed by channel along its last axis
 * @throws UsageError for inputs of different sizes
 */
export function inputStatistics(statistics: Statistics, tensors: readonly string[]): InputStatistics | undefined {
  const found = [...new Set(tensors)].flatMap((name) => statistics.tensors[name] ?? []);
  const [first] = found;
  const channels = first?.channelMeanSquare?.length;
  if (!channels || found.length < new Set(tensors).size) return undefined;
  if (found.some(({ channelMeanSquare }) => channelMeanSquare?.length !== channels)) {
    throw new UsageError(`The inputs ${tensors.join(", ")} of one weight differ in size.`);
  }
  const total = found.reduce((sum, { count }) => sum + count, 0);
  const mean = (field: "channelAbsMean" | "channelMeanSquare"): Float64Array =>
    Float64Array.from({ length: channels }, (_, i) =>
      found.reduce((sum, each: TensorStatistics) => sum + ((each[field]?.[i] ?? 0) * each.count) / total, 0),
    );
  const grams = found.flatMap(({ gram }) => (gram ? [gram] : []));
  const gram =
    grams.length === found.length ? grams.reduce((a, b) => a.map((value, i) => value + (b[i] ?? 0))) : undefined;
  const absMax = Float64Array.from({ length: channels }, (_, i) =>
    found.reduce((most, { channelAbsMax }) => Math.max(most, channelAbsMax?.[i] ?? 0), 0),
  );
  return {
    channels,
    absMax,
    absMean: mean("channelAbsMean"),
    meanSquare: mean("channelMeanSquare"),
    ...(gram ? { gram } : {}),
  };
}
