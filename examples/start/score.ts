// How well was a text read?

/** Levenshtein distance in characters. */
export function editDistance(a: string, b: string): number {
  const [from, to] = [Array.from(a), Array.from(b)];
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [i, character] of from.entries()) {
    const next = [i + 1];
    for (const [j, other] of to.entries()) {
      const replaced = (row[j] ?? 0) + (character === other ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}

export interface ReadingScore {
  /** Edits over characters of the truth; may exceed 1. */
  readonly characterErrorRate: number;
  /** Share of lines read without any error. */
  readonly lineAccuracy: number;
}

/** Scores readings against the truth, pair by pair. */
export function scoreReadings(truth: readonly string[], read: readonly string[]): ReadingScore {
  const edits = truth.reduce((sum, line, index) => sum + editDistance(line, read[index] ?? ""), 0);
  const characters = truth.reduce((sum, line) => sum + Array.from(line).length, 0);
  const right = truth.filter((line, index) => line === read[index]).length;
  return {
    characterErrorRate: characters === 0 ? 0 : edits / characters,
    lineAccuracy: truth.length === 0 ? 1 : right / truth.length,
  };
}
