// The kernels for gpu.js, as text in the JavaScript that it translates. All numbers are f32 (f64 in its CPU mode),
// so everything that must be exact is: comparisons, small integers, products with powers of two, and one
// product of two f32. Codes travel in cells of 16 bits: integers below 2^16, exact in f32.
import type { GpuJsSource } from "./gpu-js.ts";

/** x [rows, length] -> [rows, 2]: the lowest and the highest of 0 and a row. Constants: length. */
export const rowRanges: GpuJsSource = {
  name: "row-ranges",
  text: `function(x) {
    const row = Math.floor(this.thread.x * 0.5);
    const first = row * this.constants.length;
    const sign = 2 * (this.thread.x - 2 * row) - 1;
    let top = 0;
    for (let k = 0; k < this.constants.length; k++) {
      top = Math.max(top, sign * x[first + k]);
    }
    return sign * top;
  }`,
};

/** x [rows, length] -> [rows, 2]: sum of |x| and sum of x^2 of a row. Constants: length. */
export const rowNorms: GpuJsSource = {
  name: "row-norms",
  text: `function(x) {
    const row = Math.floor(this.thread.x * 0.5);
    const first = row * this.constants.length;
    const squared = this.thread.x - 2 * row;
    let total = 0;
    for (let k = 0; k < this.constants.length; k++) {
      const size = Math.abs(x[first + k]);
      total = total + size * (1 - squared + squared * size);
    }
    return total;
  }`,
};

/**
 * x [cells, perCell], scales and zeros -> [cells]: the codes of a cell, the first lowest, or -1 where the
 * quotient of one lies so near to a tie that inexact division must not decide. Code k of cell c takes
 * its scale from c * spread + k * step. Constants: perCell, spread, step, lowest, highest, levels, sure.
 */
export const encodeCells: GpuJsSource = {
  name: "encode-cells",
  text: `function(x, scales, zeros) {
    let word = 0;
    let unit = 1;
    let doubt = 0;
    for (let k = 0; k < this.constants.perCell; k++) {
      const group = this.thread.x * this.constants.spread + k * this.constants.step;
      const scale = scales[group];
      const limit = Math.abs(scale) * 1024;
      const value = Math.min(Math.max(x[this.thread.x * this.constants.perCell + k], -limit), limit);
      const quotient = value * (1 / scale);
      const nearest = Math.floor(quotient + 0.5);
      if (Math.abs(quotient - nearest) > this.constants.sure) {
        doubt = 1;
      }
      let code = Math.min(Math.max(nearest + zeros[group], this.constants.lowest), this.constants.highest);
      if (code < 0) {
        code = code + this.constants.levels;
      }
      word = word + code * unit;
      unit = unit * this.constants.levels;
    }
    if (doubt > 0) {
      word = -1;
    }
    return word;
  }`,
};

/**
 * cells [cells], scales and zeros -> [cells * perCell]: (code - zero) * scale. Constants: perCell, perCellInverse,
 * spread, step, highest, levels, levelsInverse.
 */
export const decodeCells: GpuJsSource = {
  name: "decode-cells",
  text: `function(cells, scales, zeros) {
    const cell = Math.floor(this.thread.x * this.constants.perCellInverse);
    const place = this.thread.x - cell * this.constants.perCell;
    const group = cell * this.constants.spread + place * this.constants.step;
    let shifted = cells[cell];
    for (let k = 0; k < this.constants.perCell; k++) {
      if (k < place) {
        shifted = Math.floor(shifted * this.constants.levelsInverse);
      }
    }
    let code = shifted - Math.floor(shifted * this.constants.levelsInverse) * this.constants.levels;
    if (code > this.constants.highest) {
      code = code - this.constants.levels;
    }
    return (code - zeros[group]) * scales[group];
  }`,
};

/** a [height, depth], b [depth, width] -> rows of a b. Constants: depth, width. */
export const matmulTile: GpuJsSource = {
  name: "matmul-tile",
  text: `function(a, b) {
    const row = this.thread.y * this.constants.depth;
    let total = 0;
    for (let k = 0; k < this.constants.depth; k++) {
      total = total + a[row + k] * b[k * this.constants.width + this.thread.x];
    }
    return total;
  }`,
};
