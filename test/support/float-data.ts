// Seeded f32 test data with the shapes that break kernels. Runs in a browser too.

/** A stream of numbers in [0, 1), the same for the same seed. */
export function randomStream(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Bell-shaped values around 0 with the given spread, as trained weights have. */
export function weights(count: number, seed = 1, spread = 0.05): Float32Array {
  const next = randomStream(seed);
  return Float32Array.from({ length: count }, () => (next() + next() + next() + next() - 2) * spread * 1.7);
}

/** Weights with one element replaced. */
export function withOutlier(count: number, at: number, value: number, seed = 2): Float32Array {
  const values = weights(count, seed);
  values[at] = value;
  return values;
}

/** f32 bits: zeros, subnormals, edges of f16, f32 limits, infinities, quiet and signalling NaN. */
export const oddBits: readonly number[] = [
  0x00000000, 0x80000000, 0x00000001, 0x80000001, 0x007fffff, 0x807fffff, 0x00800000, 0x80800000, 0x7f7fffff,
  0xff7fffff, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00001, 0x7f800001, 0xffbfffff, 0x3f800000, 0xbf800000,
  0x33000000, 0x33000001, 0x33800000, 0x337fffff, 0x387fc000, 0x387fe000, 0x387fffff, 0x38800000, 0x477fe000,
  0x477fefff, 0x477ff000, 0xc77ff001, 0x47800000, 0x7f7f7fff, 0x7f7f8000, 0x3f801000, 0x3f803000, 0x3f808000,
  0x3f818000, 0x00008000, 0x00008001, 0x00018000,
];

/** The odd bits, spread among weights by the seed. */
export function withOddBits(count: number, seed = 3): Float32Array {
  const values = weights(count, seed);
  const words = new Uint32Array(values.buffer);
  const next = randomStream(seed);
  for (const bits of oddBits) words[Math.floor(next() * count)] = bits;
  return values;
}

/** Every bit pattern with equal chance, so every exponent, infinities and NaN. */
export function anyBits(count: number, seed = 4): Float32Array {
  const next = randomStream(seed);
  return new Float32Array(Uint32Array.from({ length: count }, () => Math.floor(next() * 2 ** 32)).buffer);
}

export const bytesOf = (values: Float32Array | Uint32Array | Uint16Array): Uint8Array =>
  new Uint8Array(values.buffer.slice(values.byteOffset, values.byteOffset + values.byteLength));

/** Bytes padded with zeros to a multiple of 4. */
export function padded(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
  out.set(bytes);
  return out;
}

/** The kinds of content that every encoder of `count` elements should meet. */
export function contents(count: number): readonly (readonly [name: string, values: Float32Array])[] {
  return [
    ["weights", weights(count)],
    ["all zero", new Float32Array(count)],
    ["all equal", new Float32Array(count).fill(0.3)],
    ["all equal, negative", new Float32Array(count).fill(-0.3)],
    ["one outlier", withOutlier(count, Math.floor(count / 2), -77)],
    ["negative only", weights(count, 5).map((x) => -Math.abs(x) - 0.001)],
    ["tiny normals", weights(count, 6, 2 ** -118)],
    ["subnormals", weights(count, 7, 2 ** -132)],
    ["huge", weights(count, 8, 1e38)],
    ["NaN, infinities, zeros, limits", withOddBits(count)],
    ["any bits", anyBits(count)],
  ];
}
