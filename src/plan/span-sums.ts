// Numbers along a line, of which whole spans grow and the largest in a span is asked for: a segment tree, since a
// large plan has a hundred thousand positions and lifetimes that reach over thousands of them.

export class SpanSums {
  readonly #leaves: number;
  /** Largest of a node's positions, without what its ancestors have added. */
  readonly #most: Float64Array;
  /** Added to all of a node's positions; counted in its own `most`. */
  readonly #added: Float64Array;

  constructor(values: readonly number[]) {
    let leaves = 1;
    while (leaves < values.length) leaves *= 2;
    this.#leaves = leaves;
    this.#most = new Float64Array(2 * leaves);
    this.#added = new Float64Array(2 * leaves);
    this.#most.set(values, leaves);
    for (let node = leaves - 1; node > 0; node--) this.#most[node] = this.#mostBelow(node);
  }

  /** The largest in [start, end], or 0 if that is larger. */
  largest(start: number, end: number): number {
    let most = 0;
    this.#forEachNode(start, end, (node) => {
      let value = this.#most[node] ?? 0;
      for (let above = node >> 1; above > 0; above >>= 1) value += this.#added[above] ?? 0;
      most = Math.max(most, value);
    });
    return most;
  }

  /** Adds to all in [start, end]. */
  add(start: number, end: number, amount: number): void {
    this.#forEachNode(start, end, (node) => {
      this.#added[node] = (this.#added[node] ?? 0) + amount;
      this.#most[node] = (this.#most[node] ?? 0) + amount;
    });
    for (const edge of [start, end]) {
      for (let node = (edge + this.#leaves) >> 1; node > 0; node >>= 1) {
        this.#most[node] = this.#mostBelow(node) + (this.#added[node] ?? 0);
      }
    }
  }

  #mostBelow(node: number): number {
    return Math.max(this.#most[2 * node] ?? 0, this.#most[2 * node + 1] ?? 0);
  }

  /** The largest nodes that make up a span. */
  #forEachNode(start: number, end: number, visit: (node: number) => void): void {
    let [low, high] = [start + this.#leaves, end + this.#leaves + 1];
    for (; low < high; low >>= 1, high >>= 1) {
      if (low & 1) visit(low++);
      if (high & 1) visit(--high);
    }
  }
}
