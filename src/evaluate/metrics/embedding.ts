// Comparing vectors: cosine similarity, all pairs' similarities, and nearest neighbours.
import type { ScoreRow } from "./scores.ts";

/** a . b / (||a|| ||b||), -1 to 1; 0 where one of the two is all zero. */
export function cosineSimilarity(a: ScoreRow, b: ScoreRow): number {
  let [dot, squaresA, squaresB] = [0, 0, 0];
  for (let index = 0; index < a.length; index++) {
    const [x, y] = [a[index] ?? 0, b[index] ?? 0];
    dot += x * y;
    squaresA += x * x;
    squaresB += y * y;
  }
  if (squaresA === 0 || squaresB === 0) return 0;
  return Math.max(-1, Math.min(1, dot / (Math.sqrt(squaresA) * Math.sqrt(squaresB))));
}

/** Similarities of all pairs i < j, by i and then by j: n (n - 1) / 2 of them. */
export function pairSimilarities(vectors: readonly ScoreRow[]): Float64Array {
  const similarities = new Float64Array((vectors.length * (vectors.length - 1)) / 2);
  let at = 0;
  for (const [index, vector] of vectors.entries()) {
    for (let other = index + 1; other < vectors.length; other++) {
      similarities[at++] = cosineSimilarity(vector, vectors[other] ?? vector);
    }
  }
  return similarities;
}

/** Of each vector the most similar other one, the first of equals, from `pairSimilarities`; -1 where there is none. */
export function nearestNeighbours(count: number, similarities: Float64Array): Int32Array {
  const nearest = new Int32Array(count).fill(-1);
  const best = new Float64Array(count).fill(Number.NEGATIVE_INFINITY);
  let at = 0;
  const offer = (to: number, other: number, similarity: number): void => {
    // Pairs come in such an order that each vector meets its others ascending.
    if (similarity <= (best[to] ?? 0)) return;
    best[to] = similarity;
    nearest[to] = other;
  };
  for (let index = 0; index < count; index++) {
    for (let other = index + 1; other < count; other++, at++) {
      offer(index, other, similarities[at] ?? 0);
      offer(other, index, similarities[at] ?? 0);
    }
  }
  return nearest;
}
