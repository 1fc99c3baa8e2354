// The 4-bit tables of bitsandbytes and its 8-bit dynamic map, as data (FORMATS section 9).
// Thresholds are bitsandbytes' own f32 constants: midpoints of the table, of which one of FP4 (0.583333)
// is a few ulp off the midpoint; keeping it keeps the codes the same.

export type TableName = "nf4" | "fp4";

/** Number of a table in params and in MatMulBnb4's quant_type. */
export const tableNumber = (table: TableName): number => (table === "nf4" ? 1 : 0);

const f32 = (...values: readonly number[]): readonly number[] => values.map(Math.fround);

/** Value by code, each an f32. */
export const tableValues: Readonly<Record<TableName, readonly number[]>> = {
  nf4: f32(
    -1,
    -0.6961928009986877,
    -0.5250730514526367,
    -0.39491748809814453,
    -0.28444138169288635,
    -0.18477343022823334,
    -0.09105003625154495,
    0,
    0.07958029955625534,
    0.16093020141124725,
    0.24611230194568634,
    0.33791524171829224,
    0.44070982933044434,
    0.5626170039176941,
    0.7229568362236023,
    1,
  ),
  fp4: f32(
    ...[0, 0.0625, 8, 12, 4, 6, 2, 3].map((twelfths) => twelfths / 12),
    ...[-0, -0.0625, -8, -12, -4, -6, -2, -3].map((twelfths) => twelfths / 12),
  ),
};

/** Rising thresholds of x / absmax (nf4) or |x| / absmax (fp4): the rank is the number of them below. */
export const tableThresholds: Readonly<Record<TableName, readonly number[]>> = {
  nf4: f32(
    -0.8480964004993439,
    -0.6106329262256622,
    -0.4599952697753906,
    -0.33967943489551544,
    -0.23460740596055984,
    -0.13791173323988914,
    -0.045525018125772476,
    0.03979014977812767,
    0.1202552504837513,
    0.2035212516784668,
    0.2920137718319893,
    0.3893125355243683,
    0.5016634166240692,
    0.6427869200706482,
    0.8614784181118011,
  ),
  fp4: f32(0.00260417, 0.0859375, 0.20833333, 0.29166667, 0.4166667, 0.583333, 0.8333333),
};

/** Code of a magnitude's rank in FP4. */
export const fp4Order: readonly number[] = [0, 1, 6, 7, 4, 5, 2, 3];

/** Magnitudes of absmax below this count as 0, so that no decoded value is subnormal. */
export const smallestAbsmax = 2 ** -110;
/** The same for the second level of double quantization. */
export const smallestNested = 2 ** -100;

/** Absmax values per block of the second level. */
export const nestedBlockSize = 256;

/**
 * The signed dynamic map of 256 entries, rising: 7 decades, the k-th cut into 2^k equal parts of
 * [0.1, 1] whose middles are taken (in f32, as torch computes them), of both signs, and 0 and 1.
 * From "8-Bit Approximations for Parallelism in Deep Learning" (Dettmers, 2015).
 */
export function dynamicMap(): Float32Array {
  const f = Math.fround;
  const values = [0, 1];
  for (let decade = 0; decade < 7; decade++) {
    const parts = 2 ** decade;
    const step = f(f(f(1) - f(0.1)) / f(parts));
    // torch.linspace counts from the nearer end.
    const edge = (i: number): number => (i < (parts + 1) / 2 ? f(f(0.1) + f(step * i)) : f(1 - f(step * (parts - i))));
    for (let part = 0; part < parts; part++) {
      const middle = f(f(edge(part) + edge(part + 1)) / 2);
      const value = f(middle * f(10 ** (decade - 6)));
      values.push(value, -value);
    }
  }
  return Float32Array.from(values).toSorted();
}

/** The 255 f32 midpoints between neighbours of a rising map. */
export function midpointsOf(map: Float32Array): Float32Array {
  return Float32Array.from({ length: map.length - 1 }, (_, i) =>
    Math.fround(Math.fround((map[i] ?? 0) + (map[i + 1] ?? 0)) / 2),
  );
}
