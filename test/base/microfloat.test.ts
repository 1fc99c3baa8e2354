// The tiny float tables against their published values and their own order.
import { assert, double, property } from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeE8m0, encodeE8m0Floor, microfloatOf } from "../../src/base/float8.ts";
import {
  decodeMicrofloat,
  e2m1,
  e2m3,
  e3m2,
  e4m3fn,
  e4m3fnuz,
  e5m2,
  e5m2fnuz,
  encodeMicrofloat,
  largestCode,
  largestValue,
  microfloatBits,
  microfloatTable,
} from "../../src/base/microfloat.ts";

const formats = [e2m1, e2m3, e3m2, e4m3fn, e5m2, e4m3fnuz, e5m2fnuz];

describe.each(formats)("$name", (f) => {
  const table = microfloatTable(f);
  const finite = [...table].filter(Number.isFinite);

  it("returns every code from its value", () => {
    for (const [code, value] of table.entries()) {
      if (Number.isFinite(value)) expect(encodeMicrofloat(f, value)).toBe(code);
    }
  });

  it("ascends with the magnitude code", () => {
    for (let code = 1; code <= largestCode(f); code++) {
      expect(decodeMicrofloat(f, code)).toBeGreaterThan(decodeMicrofloat(f, code - 1));
    }
  });

  it("saturates", () => {
    const top = largestValue(f);
    expect(decodeMicrofloat(f, encodeMicrofloat(f, top * 3))).toBe(top);
    expect(decodeMicrofloat(f, encodeMicrofloat(f, -Infinity))).toBe(-top);
  });

  it("sends ties to the even code", () => {
    for (let code = 0; code < largestCode(f); code++) {
      const tie = (decodeMicrofloat(f, code) + decodeMicrofloat(f, code + 1)) / 2;
      expect(encodeMicrofloat(f, tie)).toBe(code + (code % 2));
    }
  });

  it("finds the nearest value", () => {
    const limit = 2 * largestValue(f);
    assert(
      property(double({ min: -limit, max: limit, noNaN: true }), (x) => {
        const error = Math.abs(decodeMicrofloat(f, encodeMicrofloat(f, x)) - x);
        expect(error).toBe(Math.min(...finite.map((value) => Math.abs(value - x))));
      }),
      { seed: 42 },
    );
  });

  it("keeps NaN where it has one", () => {
    const code = encodeMicrofloat(f, Number.NaN);
    const value = decodeMicrofloat(f, code);
    if (f.specials === "finite") expect(code).toBe(0);
    else expect(value).toBeNaN();
  });
});

describe("published values", () => {
  it("largest finite value, smallest normal and subnormal numbers", () => {
    expect(formats.map(largestValue)).toEqual([6, 7.5, 28, 448, 57344, 240, 57344]);
    expect(formats.map((f) => decodeMicrofloat(f, 1))).toEqual([
      0.5,
      0.125,
      0.0625,
      2 ** -9,
      2 ** -16,
      2 ** -10,
      2 ** -17,
    ]);
    expect(formats.map((f) => decodeMicrofloat(f, 2 ** f.mantissaBits))).toEqual([
      1,
      1,
      0.25,
      2 ** -6,
      2 ** -14,
      2 ** -7,
      2 ** -15,
    ]);
    expect(formats.map(microfloatBits)).toEqual([4, 6, 6, 8, 8, 8, 8]);
  });

  it("E2M1 holds 0, .5, 1, 1.5, 2, 3, 4, 6", () => {
    expect(Array.from(microfloatTable(e2m1)).slice(0, 8)).toEqual([0, 0.5, 1, 1.5, 2, 3, 4, 6]);
  });

  it("special codes", () => {
    expect(decodeMicrofloat(e4m3fn, 0x7f)).toBeNaN();
    expect(decodeMicrofloat(e5m2, 0x7c)).toBe(Infinity);
    expect(decodeMicrofloat(e5m2, 0xfc)).toBe(-Infinity);
    expect(decodeMicrofloat(e5m2, 0x7d)).toBeNaN();
    expect(decodeMicrofloat(e4m3fnuz, 0x80)).toBeNaN();
    expect(encodeMicrofloat(e4m3fnuz, -0)).toBe(0);
    expect(microfloatOf("f8e5m2fnuz")).toBe(e5m2fnuz);
    expect(microfloatOf("f16")).toBeUndefined();
  });
});

describe("E8M0", () => {
  it("holds the powers of two from -127 to 127", () => {
    expect([0, 1, 127, 254].map(decodeE8m0)).toEqual([2 ** -127, 2 ** -126, 1, 2 ** 127]);
    expect(decodeE8m0(255)).toBeNaN();
    for (let code = 0; code < 255; code++) expect(encodeE8m0Floor(decodeE8m0(code))).toBe(code);
  });

  it("rounds down and clamps", () => {
    expect(encodeE8m0Floor(1 - 2 ** -53)).toBe(126);
    expect(encodeE8m0Floor(-3)).toBe(128);
    expect(encodeE8m0Floor(0)).toBe(0);
    expect(encodeE8m0Floor(2 ** -140)).toBe(0);
    expect(encodeE8m0Floor(2 ** 200)).toBe(254);
    expect([Number.NaN, Infinity].map(encodeE8m0Floor)).toEqual([255, 255]);
  });
});
