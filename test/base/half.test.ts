import { describe, expect, test } from "vitest";
import { decodeBfloat, decodeHalf, encodeBfloat, encodeHalf } from "../../src/base/half.ts";

describe("half floats", () => {
  test("every bit pattern survives a round trip", () => {
    const broken = Array.from({ length: 0x10000 }, (_, bits) => bits).filter((bits) => {
      const value = decodeHalf(bits);
      if ((bits & 0x7fff) > 0x7c00) return !Number.isNaN(value);
      return encodeHalf(value) !== bits;
    });
    expect(broken).toEqual([]);
  });

  test.each([
    [1, 0x3c00],
    [-2, 0xc000],
    [65504, 0x7bff],
    [65519.99, 0x7bff],
    [65520, 0x7c00],
    [2 ** -24, 0x0001],
    [2 ** -25, 0x0000], // tie with zero, to even
    [1.5 * 2 ** -24, 0x0002], // tie, to even
    [2 ** -14 - 2 ** -26, 0x0400], // rounds up into the normal range
    [1 + 2 ** -11, 0x3c00], // tie, to even
    [1 + 3 * 2 ** -11, 0x3c02], // tie, to even
    [-0, 0x8000],
    [Number.NaN, 0x7e00],
    [Number.NEGATIVE_INFINITY, 0xfc00],
  ])("%f encodes to its nearest half", (value, bits) => {
    expect(encodeHalf(value)).toBe(bits);
  });

  test("rounding picks the nearer neighbour all along the range", () => {
    const broken: number[] = [];
    for (let bits = 0; bits < 0x7bff; bits += 7) {
      const [low, high] = [decodeHalf(bits), decodeHalf(bits + 1)];
      const even = bits % 2 === 0 ? bits : bits + 1;
      const right =
        encodeHalf(low + (high - low) * 0.49) === bits &&
        encodeHalf(low + (high - low) * 0.51) === bits + 1 &&
        encodeHalf((low + high) / 2) === even;
      if (!right) broken.push(bits);
    }
    expect(broken).toEqual([]);
  });
});

describe("bfloat16", () => {
  test("every bit pattern survives a round trip", () => {
    const broken = Array.from({ length: 0x10000 }, (_, bits) => bits).filter((bits) => {
      const value = decodeBfloat(bits);
      if ((bits & 0x7fff) > 0x7f80) return !Number.isNaN(value);
      return encodeBfloat(value) !== bits;
    });
    expect(broken).toEqual([]);
  });

  test.each([
    [1, 0x3f80],
    [-2.5, 0xc020],
    [1 + 2 ** -8, 0x3f80], // tie, to even
    [1 + 3 * 2 ** -8, 0x3f82], // tie, to even
    [1 + 2 ** -8 + 2 ** -20, 0x3f81],
    [3.4e38, 0x7f80], // rounds up to infinity
    [Number.NaN, 0x7fc0],
  ])("%f encodes to its nearest bfloat16", (value, bits) => {
    expect(encodeBfloat(value)).toBe(bits);
  });
});
