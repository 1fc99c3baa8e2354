import { assert, integer, property } from "fast-check";
import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import { formatBytes, parseBytes } from "../../src/base/size.ts";

describe("parseBytes", () => {
  it.each([
    ["4096", 4096],
    [4096, 4096],
    ["1 B", 1],
    ["256MiB", 268_435_456],
    ["256 mib", 268_435_456],
    ["1.5 GiB", 1_610_612_736],
    ["1GB", 1_000_000_000],
    ["2k", 2048],
    [" .5 KiB ", 512],
    ["1.0001 KB", 1000],
  ])("reads %j as %d", (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });

  it.each([
    "",
    "GiB",
    "-1MiB",
    "1e9",
    "1.5.2 MB",
    "12 XB",
    "0",
    "0.2 B",
    "NaN",
    "Infinity",
    "1 GiB of",
    "99999999 TiB",
  ])("refuses %j and says what to write", (text) => {
    expect(() => parseBytes(text)).toThrow(UsageError);
    expect(() => parseBytes(text)).toThrow(`"${text}" is not a size in bytes.`);
  });

  it.each([Number.NaN, -5, 0.5, Number.POSITIVE_INFINITY])("refuses the number %d", (value) => {
    expect(() => parseBytes(value)).toThrow(UsageError);
  });
});

describe("formatBytes", () => {
  it.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1 KiB"],
    [1_610_612_736, "1.5 GiB"],
    [268_435_456, "256 MiB"],
    [4_294_967_295, "4 GiB"],
    [1_048_575, "1 MiB"],
    [123_456_789, "118 MiB"],
  ])("writes %d as %s", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it("is read back within its three digits", () => {
    assert(
      property(integer({ min: 1, max: 2 ** 52 }), (bytes) => {
        expect(Math.abs(parseBytes(formatBytes(bytes)) - bytes) / bytes).toBeLessThanOrEqual(0.0051);
      }),
    );
  });
});
