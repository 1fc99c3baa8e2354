import { array, assert, asyncProperty, constantFrom, string } from "fast-check";
import { describe, expect, test } from "vitest";
import type { ByteSource } from "../../src/base/bytes.ts";
import { FormatError, UsageError, WgslimError } from "../../src/base/errors.ts";
import { readCsv } from "../../src/formats/csv.ts";
import { readLines } from "../../src/formats/lines.ts";
import { fromBytes } from "../../src/formats/sources/memory.ts";

const text = (content: string): ByteSource => fromBytes("t.csv", new TextEncoder().encode(content));

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

const fields = async (content: string, separator?: string) =>
  (await all(readCsv(text(content), separator))).map((record) => record.fields);

describe("readLines", () => {
  test("splits at LF and CRLF, drops a byte order mark, counts lines", async () => {
    expect(await all(readLines(text("\uFEFFa\r\nb\n\nc")))).toEqual([
      { number: 1, text: "a" },
      { number: 2, text: "b" },
      { number: 3, text: "" },
      { number: 4, text: "c" },
    ]);
    expect(await all(readLines(text("a\n")))).toHaveLength(1);
    expect(await all(readLines(text("")))).toHaveLength(0);
  });

  test("lines and letters may cross windows", async () => {
    const long = "é".repeat(200_000);
    const lines = await all(readLines(text(`x${long}\n${long}\ny`)));
    expect(lines.map((line) => line.text)).toEqual([`x${long}`, long, "y"]);
  });

  test("names the line that is no UTF-8", async () => {
    const bytes = Uint8Array.of(97, 10, 0xc3, 10, 98);
    await expect(all(readLines(fromBytes("t.txt", bytes)))).rejects.toThrow("t.txt, line 2: this is no UTF-8 text.");
  });
});

describe("readCsv", () => {
  test.each<[string, string, string[][]]>([
    [
      "plain fields and empty ones",
      "a,b\n,\n1,",
      [
        ["a", "b"],
        ["", ""],
        ["1", ""],
      ],
    ],
    ["quotes, separators and quotes in quotes", '"a,b","say ""hi""",""', [["a,b", 'say "hi"', ""]]],
    [
      "line breaks in quotes",
      '"a\r\n\nb",c\nd,e',
      [
        ["a\n\nb", "c"],
        ["d", "e"],
      ],
    ],
    ["empty lines", "\na\n\r\nb\n\n", [["a"], ["b"]]],
    ["one quoted field a line", '"1"\n"2"\n', [["1"], ["2"]]],
  ])("%s", async (_, content, expected) => {
    expect(await fields(content)).toEqual(expected);
  });

  test("other separators, and the line where a record begins", async () => {
    expect(await fields("a;b\tc", ";")).toEqual([["a", "b\tc"]]);
    expect((await all(readCsv(text('"a\nb"\nc')))).map((record) => record.line)).toEqual([1, 3]);
    await expect(fields("a", '"')).rejects.toThrow(UsageError);
    await expect(fields("a", ";;")).rejects.toThrow(UsageError);
  });

  test.each([
    ["a quoted field that does not end", 'a\n"b\nc', "t.csv, line 2: a quoted field does not end."],
    ["text after a quoted field", 'a\n\n"b"c', "t.csv, line 3: text follows"],
    ["a quote inside a plain field", 'a\nb"c', "t.csv, line 2: a quote stands inside"],
  ])("refuses %s", async (_, content, message) => {
    await expect(fields(content)).rejects.toThrow(FormatError);
    await expect(fields(content)).rejects.toThrow(message);
  });

  test("what is written by the rules is read back", async () => {
    const field = string({ unit: constantFrom("a", '"', ",", "\n", " ", "é"), maxLength: 6 });
    await assert(
      asyncProperty(array(array(field, { minLength: 2, maxLength: 4 }), { maxLength: 5 }), async (records) => {
        const written = records.map((record) =>
          record.map((item) => (/[",\n]/.test(item) ? `"${item.replaceAll('"', '""')}"` : item)).join(","),
        );
        expect(await fields(written.join("\n"))).toEqual(records);
      }),
      { numRuns: 300, seed: 2 },
    );
  });

  test("any text ends in records or a typed error", async () => {
    await assert(
      asyncProperty(string({ unit: constantFrom("a", '"', ",", "\n", "\r"), maxLength: 30 }), async (content) => {
        await fields(content).catch((error: unknown) => expect(error).toBeInstanceOf(WgslimError));
      }),
      { numRuns: 500, seed: 3 },
    );
  });
});
