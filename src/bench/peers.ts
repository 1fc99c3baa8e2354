// Peers that run on the CPU: ggml's quantizer where its library is installed.
import { createRequire } from "node:module";
import { join } from "node:path";
import { existsSync } from "node:fs";
import { cpus } from "node:os";
import { seededRandom } from "../base/random.ts";
import { median, type BenchJob, type BenchResult, type BenchRow } from "./types.ts";

const elements = 2 ** 22;

/** Types of ggml and the bytes of their blocks of 32. */
const types = [
  { name: "q4_0", type: 2, blockBytes: 18 },
  { name: "q8_0", type: 8, blockBytes: 34 },
] as const;

type QuantizeChunk = (
  type: number,
  source: Float32Array,
  target: Uint8Array,
  start: number,
  rows: number,
  perRow: number,
  importance: null,
) => unknown;

interface Koffi {
  load(library: string): { func(prototype: string): QuantizeChunk };
}

/** GB/s of f32 in, one thread. */
export function benchPeers(
  { runs, filter = "" }: Extract<BenchJob, { kind: "peers" }>,
  note: (text: string) => void,
): BenchResult {
  const wanted = types.filter(({ name }) => `ggml ${name}`.includes(filter));
  if (wanted.length === 0) return { rows: [], absent: [] };
  const quantize = loadGgml();
  if (typeof quantize === "string") return { rows: [], absent: [`ggml: ${quantize}`] };
  const source = seededRandom(1).normals(elements, 0, 0.02);
  const rows = wanted.map(({ name, type, blockBytes }): BenchRow => {
    note(`ggml ${name}`);
    const target = new Uint8Array((elements / 32) * blockBytes);
    const seconds = Array.from({ length: runs + 1 }, () => {
      const started = performance.now();
      quantize(type, source, target, 0, 1, elements, null);
      return (performance.now() - started) / 1000;
    }).slice(1);
    return {
      adapter: `CPU ${cpus()[0]?.model.trim() ?? ""}, one thread`,
      name: `ggml ${name}`,
      value: (elements * 4) / median(seconds) / 1e9,
      unit: "GB/s",
    };
  });
  return { rows, absent: [] };
}

/** @returns ggml's function, or why there is none */
function loadGgml(): QuantizeChunk | string {
  const library = findLibrary();
  if (library === undefined) return "npm package @node-llama-cpp/linux-x64 is not installed";
  try {
    // Not an import: the build would try to bundle a native module.
    const koffi = createRequire(import.meta.url)("koffi") as Koffi;
    return koffi
      .load(library)
      .func(
        "size_t ggml_quantize_chunk(int type, const float *src, void *dst, int64_t start, int64_t nrows, int64_t n_per_row, const float *imatrix)",
      );
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function findLibrary(): string | undefined {
  return (createRequire(import.meta.url).resolve.paths("@node-llama-cpp/linux-x64") ?? [])
    .map((folder) => join(folder, "@node-llama-cpp/linux-x64/bins/linux-x64/libggml-base.so"))
    .find((path) => existsSync(path));
}
