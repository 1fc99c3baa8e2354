// Ranges of activations from a JSON file: an object by tensor name, or one that has it under "tensors".
import { FormatError } from "../../base/errors.ts";
import type { Ranges, TensorRange } from "./parameters.ts";

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isNumbers = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.every((each) => typeof each === "number");

/**
 * Reads ranges; what else a statistics file holds is ignored.
 * @throws FormatError where the text is no JSON, or a tensor has no finite min and max
 * @example const ranges = readRanges('{ "conv1": { "min": -1, "max": 3 } }', "stats.json");
 */
export function readRanges(text: string, file: string): Ranges {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new FormatError(`${file}: no JSON.`, { cause, hint: "Give a file of ranges by tensor.", details: { file } });
  }
  const tensors = isRecord(parsed) ? (parsed["tensors"] ?? parsed) : undefined;
  if (!isRecord(tensors) || Object.keys(tensors).length === 0) {
    throw new FormatError(`${file}: holds no ranges.`, {
      hint: 'It is an object by tensor name: { "conv1": { "min": -1, "max": 3 } }.',
      details: { file },
    });
  }
  return new Map(Object.entries(tensors).map(([name, value]) => [name, rangeOf(value, name, file)]));
}

function rangeOf(value: unknown, name: string, file: string): TensorRange {
  const { min, max, meanSquare, channelMeans } = isRecord(value) ? value : {};
  if (typeof min !== "number" || typeof max !== "number" || !(min <= max) || !Number.isFinite(max - min)) {
    throw new FormatError(`${file}: "${name}" has no finite min and max.`, {
      hint: "Calibrate the model anew.",
      details: { file, tensor: name },
    });
  }
  return {
    min,
    max,
    ...(typeof meanSquare === "number" ? { meanSquare } : {}),
    ...(isNumbers(channelMeans) ? { channelMeans } : {}),
  };
}
