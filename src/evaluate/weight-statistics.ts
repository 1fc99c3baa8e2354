// Value statistics of a weight on the CPU, streamed in two passes: the range, then the histogram over it.
import { decodeHalf } from "../base/half.ts";

export interface WeightSummary {
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** Population standard deviation. */
  readonly std: number;
  readonly zeros: number;
  readonly nonFinite: number;
  /** Counts in equal bins from min to max. */
  readonly histogram: readonly number[];
}

const bins = 32;

const decoders = {
  f32: { size: 4, at: (view: DataView, offset: number) => view.getFloat32(offset, true) },
  f16: { size: 2, at: (view: DataView, offset: number) => decodeHalf(view.getUint16(offset, true)) },
  bf16: { size: 2, at: (view: DataView, offset: number) => fromBits(view.getUint16(offset, true) << 16) },
} as const;

const word = new DataView(new ArrayBuffer(4));

function fromBits(bits: number): number {
  word.setInt32(0, bits);
  return word.getFloat32(0);
}

/** Feed all bytes to `range`, then all again to `histogram`; windows hold whole elements. */
export class WeightStatistics {
  readonly #decoder: (typeof decoders)[keyof typeof decoders];
  readonly #histogram = Array.from({ length: bins }, () => 0);
  #count = 0;
  #finite = 0;
  #zeros = 0;
  #min = Infinity;
  #max = -Infinity;
  /** Welford's running mean and sum of squared deviations: no cancellation on large tensors. */
  #mean = 0;
  #deviations = 0;

  constructor(dtype: keyof typeof decoders) {
    this.#decoder = decoders[dtype];
  }

  range(bytes: Uint8Array): void {
    for (const value of this.#values(bytes)) {
      this.#count++;
      if (!Number.isFinite(value)) continue;
      this.#finite++;
      if (value === 0) this.#zeros++;
      if (value < this.#min) this.#min = value;
      if (value > this.#max) this.#max = value;
      const delta = value - this.#mean;
      this.#mean += delta / this.#finite;
      this.#deviations += delta * (value - this.#mean);
    }
  }

  histogram(bytes: Uint8Array): void {
    const width = (this.#max - this.#min) / bins;
    for (const value of this.#values(bytes)) {
      if (!Number.isFinite(value)) continue;
      const bin = width > 0 ? Math.min(bins - 1, Math.floor((value - this.#min) / width)) : 0;
      this.#histogram[bin] = (this.#histogram[bin] ?? 0) + 1;
    }
  }

  summary(): WeightSummary {
    const empty = this.#finite === 0;
    return {
      count: this.#count,
      min: empty ? 0 : this.#min,
      max: empty ? 0 : this.#max,
      mean: this.#mean,
      std: empty ? 0 : Math.sqrt(this.#deviations / this.#finite),
      zeros: this.#zeros,
      nonFinite: this.#count - this.#finite,
      histogram: [...this.#histogram],
    };
  }

  *#values(bytes: Uint8Array): Generator<number> {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const { size, at } = this.#decoder;
    for (let offset = 0; offset + size <= bytes.length; offset += size) yield at(view, offset);
  }
}
