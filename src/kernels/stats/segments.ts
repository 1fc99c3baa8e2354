// How the statistics kernels share a flat tensor out: one thread, one segment, one record. A segment is
// quadsPerThread quads of four elements; `interleave` segments take the quads of a run in turn, so
// neighbouring threads read neighbouring words and no thread waits for another.

export interface Segments {
  readonly segments: number;
  readonly quadsPerThread: number;
}

/** Segments that share a run; the constant of the shaders. */
const interleave = 64;

/** Quads per thread: long enough that records are small beside the data, short enough for f32 sums. */
const mostQuads = 128;

/** Threads that a device should be given before segments grow to their full length. */
const enoughThreads = 1024;

/** Segments of `count` elements, of a given number of quads or of one that suits the count. */
export function segmentsOf(count: number, quadsPerSegment?: number): Segments {
  const quads = Math.ceil(count / 4);
  const quadsPerThread = quadsPerSegment ?? Math.max(1, Math.min(mostQuads, Math.ceil(quads / enoughThreads)));
  return { segments: Math.ceil(quads / (interleave * quadsPerThread)) * interleave, quadsPerThread };
}

/** The segment that element `index` falls into. */
export function segmentOf(index: number, quadsPerThread: number): number {
  const quad = Math.floor(index / 4);
  return Math.floor(quad / (interleave * quadsPerThread)) * interleave + (quad % interleave);
}
