// A list of numbers that grows, in the memory of a typed array: f64, so integers are exact up to 2^53.

export class NumberList {
  #values = new Float64Array(64);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    this.#reserve(1);
    this.#values[this.#length++] = value;
  }

  append(values: ArrayLike<number>): void {
    this.#reserve(values.length);
    this.#values.set(values, this.#length);
    this.#length += values.length;
  }

  /** A view, valid until the list grows. */
  values(): Float64Array {
    return this.#values.subarray(0, this.#length);
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#values.length) return;
    const larger = new Float64Array(Math.max(this.#length + more, 2 * this.#values.length));
    larger.set(this.values());
    this.#values = larger;
  }
}
