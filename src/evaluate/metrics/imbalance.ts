// Warnings about how samples spread over classes: where accuracy says little, say so.

export interface ClassNames {
  /** By index; classes without a name are called by their number. */
  readonly classNames?: readonly string[];
}

export interface ImbalanceOptions extends ClassNames {
  /** What is counted; default sample. */
  readonly unit?: string;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

const fewSamples = 10;
const steepRatio = 10;

/**
 * Sentences for the user: classes without samples or with too few to judge, a majority that outweighs the rest, an
 * accuracy that guessing the majority would reach too.
 * @param support samples by class
 * @param accuracy the model's, where known
 */
export function imbalanceWarnings(
  support: readonly number[],
  accuracy: number | undefined,
  { classNames = [], unit = "sample" }: ImbalanceOptions = {},
): readonly string[] {
  const samples = support.reduce((sum, count) => sum + count, 0);
  if (samples === 0) return [];
  const name = (index: number): string => classNames[index] ?? `class ${index}`;
  const list = (indices: readonly number[]): string =>
    indices.slice(0, 5).map(name).join(", ") + (indices.length > 5 ? ` and ${indices.length - 5} more` : "");
  const where = (test: (count: number) => boolean): readonly number[] =>
    [...support.keys()].filter((index) => test(support[index] ?? 0));
  const warnings: string[] = [];
  const empty = where((count) => count === 0);
  if (empty.length > 0) warnings.push(`No ${unit} is of ${list(empty)}: the figures say nothing about them.`);
  const scarce = where((count) => count > 0 && count < fewSamples);
  if (scarce.length > 0) {
    warnings.push(`Fewer than ${fewSamples} ${unit}s are of ${list(scarce)}: their figures are rough.`);
  }
  const largest = Math.max(...support);
  const smallest = Math.min(...support.filter((count) => count > 0));
  const majority = support.indexOf(largest);
  if (support.length > 1 && largest >= steepRatio * smallest) {
    warnings.push(
      `The classes are uneven, from ${smallest} to ${largest} ${unit}s: look at balanced accuracy and macro F1. ` +
        `Always answering ${name(majority)} would be right for ${percent(largest / samples)}.`,
    );
  }
  if (support.length > 1 && accuracy !== undefined && accuracy <= largest / samples) {
    warnings.push(
      `The accuracy of ${percent(accuracy)} is no better than always answering ${name(majority)}, ${percent(largest / samples)}.`,
    );
  }
  return warnings;
}
