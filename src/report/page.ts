// The frame of a self-contained HTML page: one file, no scripts, no requests (its own policy forbids them),
// light and dark by the reader's setting. Parts are strings of trusted markup; names were escaped before.
import { escapeHtml } from "./escape.ts";

/** Markup made by this folder or from escaped text. */
export type Markup = string;

const style = `
:root{color-scheme:light dark;--bg:#f9f9f7;--card:#fff;--ink:#16150f;--soft:#5b5a53;--line:#e3e2dc;--grid:#ebeae4;
--c0:#2a78d6;--c1:#1baf7a;--c2:#eda100;--c3:#7a5cd0;--c4:#eb6834;--c5:#d5579b;--rest:#b9b8b0;--good:#0a7d32;--bad:#c22f2b}
@media(prefers-color-scheme:dark){:root{--bg:#131311;--card:#1c1c1a;--ink:#f2f1ec;--soft:#a8a79f;--line:#34332f;--grid:#292825;
--c0:#4a92ea;--c1:#24b382;--c2:#d9991c;--c3:#9b86ee;--c4:#e2713f;--c5:#dd74ae;--rest:#5f5e58;--good:#4cc474;--bad:#ff7d76}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:1080px;margin:0 auto;padding:32px 20px 64px}
h1{font-size:26px;line-height:1.2;margin:0 0 4px;overflow-wrap:anywhere}
h2{font-size:17px;margin:0 0 2px}
p{margin:0 0 12px}
.soft{color:var(--soft)}
.small{font-size:13px}
section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:18px 20px;margin-top:18px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin-top:18px}
.tile{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 16px}
.tile b{display:block;font-variant-numeric:tabular-nums;font-size:23px;line-height:1.25;font-weight:650;letter-spacing:-.01em}
.tile span{color:var(--soft);font-size:13px;overflow-wrap:anywhere}
.scroll{overflow-x:auto}
.scroll svg{min-width:620px}
.pairs{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,400px),1fr));gap:22px 28px;margin-top:14px}
.pairs td:first-child{width:84px}
.pairs img{border-radius:5px}
mark{background:none;color:var(--bad);font-weight:700;text-decoration:underline}
del{color:var(--bad);font-weight:700}
details>summary{margin-top:40px;font-size:22px;font-weight:650;cursor:pointer;border-radius:6px}
summary:focus-visible{outline:2px solid var(--c0);outline-offset:3px}
table{border-collapse:collapse;width:100%;font-size:13px;margin-top:8px;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:5px 14px 5px 0;border-bottom:1px solid var(--line);vertical-align:top;white-space:nowrap}
th{color:var(--soft);font-weight:550}
td.name{white-space:normal;overflow-wrap:anywhere;min-width:160px}
td.n,th.n{text-align:right}
tr:last-child td{border-bottom:0}
code,.mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.92em;overflow-wrap:anywhere}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;margin:8px 0 4px;font-size:13px;color:var(--soft)}
.legend i{display:inline-block;width:11px;height:11px;border-radius:3px;margin-right:6px;vertical-align:-1px}
svg{display:block;max-width:100%;height:auto;font:12px system-ui,-apple-system,"Segoe UI",Roboto,Arial,sans-serif}
svg text{fill:var(--ink)}svg text.soft{fill:var(--soft)}svg line{stroke:var(--grid)}
.f0{fill:var(--c0)}.f1{fill:var(--c1)}.f2{fill:var(--c2)}.f3{fill:var(--c3)}.f4{fill:var(--c4)}.f5{fill:var(--c5)}.fr{fill:var(--rest)}
.b0{background:var(--c0)}.b1{background:var(--c1)}.b2{background:var(--c2)}.b3{background:var(--c3)}.b4{background:var(--c4)}.b5{background:var(--c5)}.br{background:var(--rest)}
.outline{fill:none;stroke:var(--soft);stroke-width:1.2}
.small-charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(225px,1fr));gap:14px;margin-top:10px}
.small-charts figure{margin:0}figcaption{font-size:12px;color:var(--soft);overflow-wrap:anywhere}
.warn{border-left:4px solid var(--c2)}
ul{margin:6px 0 0;padding-left:20px}
img{max-width:100%;display:block}
.good{color:var(--good)}.bad{color:var(--bad)}
footer{margin-top:24px}
@media print{body{background:#fff}section,.tile{break-inside:avoid}}
`;

export interface PageParts {
  /** Plain text. */
  readonly title: string;
  readonly body: Markup;
}

/** A whole document. */
export function htmlPage({ title, body }: PageParts): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`;
}

/** A box with a heading; `note` is plain text under it. */
export function section(heading: string, body: Markup, note = "", kind = ""): Markup {
  const under = note === "" ? "" : `<p class="soft small">${escapeHtml(note)}</p>`;
  return `<section${kind === "" ? "" : ` class="${kind}"`}><h2>${escapeHtml(heading)}</h2>${under}${body}</section>`;
}

export interface Tile {
  readonly figure: string;
  readonly label: string;
}

const tile = ({ figure, label }: Tile): Markup =>
  `<div class="tile"><b>${escapeHtml(figure)}</b><span>${escapeHtml(label)}</span></div>`;

/** A row of large figures; all plain text. */
export const tiles = (items: readonly Tile[]): Markup => `<div class="tiles">${items.map(tile).join("")}</div>`;

export interface Column {
  readonly title: string;
  /** Numbers stand to the right. */
  readonly kind?: "number" | "name";
}

/** A table of plain text cells. */
export function htmlTable(columns: readonly Column[], rows: readonly (readonly string[])[]): Markup {
  const kinds = columns.map(({ kind }) => (kind === "number" ? ' class="n"' : kind === "name" ? ' class="name"' : ""));
  const head = columns.map(({ title }, column) => `<th${kinds[column]}>${escapeHtml(title)}</th>`).join("");
  const body = rows
    .map((row) => `<tr>${row.map((cell, column) => `<td${kinds[column]}>${escapeHtml(cell)}</td>`).join("")}</tr>`)
    .join("\n");
  return `<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>\n${body}\n</tbody></table></div>`;
}
