import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert, property, string } from "fast-check";
import { describe, expect, test } from "vitest";
import { IoError, UsageError } from "../../src/base/errors.ts";
import { openReport } from "../../src/cli/report-file.ts";
import { escapeHtml, escapeMarkdown, shorten, visible } from "../../src/report/escape.ts";
import { htmlReport } from "../../src/report/html.ts";
import { markdownReport } from "../../src/report/markdown.ts";
import { formatCosine, formatDb, worstTensors } from "../../src/report/numbers.ts";
import { sparkline } from "../../src/report/sparkline.ts";
import { formatTable } from "../../src/report/table.ts";
import { formatReport } from "../../src/report/terminal.ts";
import { hostileName, sampleHistograms, sampleReport } from "./sample.ts";

/** Checks that markup is well nested; void elements and the doctype aside. */
function unbalanced(html: string): string[] {
  const open: string[] = [];
  const problems: string[] = [];
  for (const [, close, name = "", rest = ""] of html.matchAll(/<(\/?)([a-z][\w-]*)((?:"[^"]*"|[^">])*)>/gi)) {
    if (/^(meta|img|br)$/.test(name) || rest.endsWith("/")) continue;
    if (close === "") open.push(name);
    else if (open.pop() !== name) problems.push(name);
  }
  return [...problems, ...open];
}

describe("names", () => {
  test("no text escapes its place in HTML, Markdown or on a terminal", () => {
    assert(
      property(string({ unit: "binary" }), (text) => {
        expect(escapeHtml(text)).not.toMatch(/[<>"'\p{Cc}\p{Cf}\p{Cs}]/u);
        expect(escapeMarkdown(text)).not.toMatch(/(?<!\\)[|`*_[\]<>]|\n/);
        expect(visible(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
      }),
    );
  });

  test("shorten keeps both ends and the length asked for", () => {
    expect(shorten("abcdefghij", 5)).toBe("ab…ij");
    expect(shorten("abc", 5)).toBe("abc");
    expect(Array.from(shorten("漢字漢字漢字", 4))).toHaveLength(4);
  });
});

describe("terminal", () => {
  test("names sizes, plan, every weight, reasons and warnings", () => {
    const text = formatReport(sampleReport());
    expect(text).toContain("models/reader_int4.onnx");
    expect(text).toContain("96 dispatches in 6 submits");
    expect(text).toMatch(/backbone\.blocks\.3\..* exact /);
    expect(text).toContain("Kept as float, fewer than 1024 elements:");
    expect(text).toContain("Warning: ");
    expect(text).toMatch(/int4 ×\d+/);
    expect(text).not.toMatch(/[^\P{Cc}\n]/u);
  });

  test("a long list shows the worst", () => {
    const report = sampleReport(60);
    const text = formatReport(report, { maxRows: 5 });
    for (const { name } of worstTensors(report.tensors, 5)) {
      if (name !== hostileName) expect(text).toContain(name);
    }
    expect(text).toContain("the 5 worst of 60 weights");
    expect(text.split("\n").length).toBeLessThan(30);
  });

  test("a run that packed nothing", () => {
    const report = { ...sampleReport(), tensors: [], skipped: [], warnings: [] };
    expect(formatReport(report).split("\n")).toHaveLength(3);
    expect(unbalanced(htmlReport(report))).toEqual([]);
    expect(markdownReport(report)).not.toContain("## Weights");
  });
});

describe("HTML", () => {
  const html = htmlReport(sampleReport(100), { histograms: sampleHistograms(30), title: hostileName });

  test("is well formed and holds no script, request or raw name", () => {
    expect(unbalanced(html)).toEqual([]);
    expect(html).not.toMatch(/<script|javascript:|\son\w+=|src=|href=|@import|url\(/i);
    expect(html).not.toContain(hostileName);
    expect(html).toContain("default-src 'none'");
    expect(html).not.toMatch(/NaN|undefined|Infinity/);
  });

  test("has a bar for each weight up to the limit, and says so beyond", () => {
    expect(html.match(/<g><title>/g)).toHaveLength(80);
    expect(html).toContain("The 80 lowest of 100 are shown.");
    expect(html.match(/<figure>/g)).toHaveLength(24);
    expect(html.match(/<td class="name">/g)?.length).toBeGreaterThanOrEqual(100);
  });

  test("bars of bytes are in proportion", () => {
    const report = sampleReport();
    const chart = /Bytes in the file.*?<svg.*?<\/svg>/s.exec(htmlReport(report))?.[0] ?? "";
    const ends = [...chart.matchAll(/<text x="([\d.]+)" y="\d+">[\d.]+ [KM]iB/g)].map((match) => Number(match[1]) - 78);
    expect(ends).toHaveLength(2);
    expect((ends[1] ?? 0) / (ends[0] ?? 1)).toBeCloseTo(report.output.bytes / report.input.bytes, 2);
  });

  test("flat and empty histograms draw", () => {
    const flat = { min: 0, max: 0, counts: [5] };
    const none = { min: -1, max: 1, counts: [0, 0] };
    const page = htmlReport(sampleReport(), { histograms: [{ name: "flat", before: flat, after: none }] });
    expect(page).not.toMatch(/NaN|Infinity/);
  });
});

describe("Markdown", () => {
  test("tables keep their columns whatever the names", () => {
    const rows = markdownReport(sampleReport())
      .split("\n")
      .filter((line) => line.startsWith("|"));
    const columns = rows.map((row) => row.replaceAll(/\\./g, "").split("|").length);
    expect(new Set(columns.slice(0, 4))).toEqual(new Set([6]));
    expect(new Set(columns.slice(4))).toEqual(new Set([11]));
    expect(rows).toHaveLength(4 + 2 + 14);
  });
});

describe("figures", () => {
  test("sparkline", () => {
    expect(sparkline([0, 1, 4, 8])).toBe("▁▂▄█");
    expect(sparkline([0, 1e-9, 1])).toBe("▁▂█");
    expect(sparkline([])).toBe("");
    expect(sparkline([0, 0])).toBe("▁▁");
    expect(sparkline([Number.NaN, -3, 2])).toBe("▁▁█");
  });

  test("only what is 1 prints as 1", () => {
    expect(formatCosine(0.99999999)).toBe("0.999999");
    expect(formatCosine(1)).toBe("1.000000");
    expect(formatDb(Number.POSITIVE_INFINITY)).toBe("exact");
    expect(formatDb(Number.NEGATIVE_INFINITY)).toBe("none");
  });

  test("tables align numbers to the right and count wide characters twice", () => {
    const lines = formatTable(
      ["名", "n"],
      [
        ["漢字", "1"],
        ["a", "22"],
      ],
    ).split("\n");
    expect(lines).toEqual(["名     n", "----  --", "漢字   1", "a     22"]);
  });
});

describe("a report's file", () => {
  test("is written by extension, never over another unless forced, and leaves nothing behind on failure", async () => {
    const folder = await mkdtemp(join(tmpdir(), "wgslim-report-"));
    try {
      const report = sampleReport();
      const write = async (name: string, force = false): Promise<void> => {
        const file = await openReport(join(folder, name), { force });
        await file.write(report);
      };
      for (const name of ["a.html", "a.md", "a.json"]) await write(name);
      await expect(write("a.json")).rejects.toThrow(/exists/);
      await write("a.json", true);
      expect(JSON.parse(await readFile(join(folder, "a.json"), "utf8")).plan).toEqual(report.plan);
      await expect(write("a.pdf")).rejects.toThrow(UsageError);
      await expect(write(join("no", "a.html"))).rejects.toThrow(IoError);
      await (await openReport(join(folder, "b.html"))).discard();
      expect((await readdir(folder)).toSorted()).toEqual(["a.html", "a.json", "a.md"]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
