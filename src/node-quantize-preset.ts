// Presets: the set of files that a runtime looks for, made from one model in one go.
// transformers.js finds a model's variants by suffix: its data type `q8` is `<name>_quantized.onnx`, the others
// are `<name>_<type>.onnx` (its table of data types; the operators follow its own quantization script).
import { mkdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { ByteSink, ByteSource } from "./base/bytes.ts";
import { UsageError, throwIfAborted } from "./base/errors.ts";
import { dataFilesOf } from "./compress/input-files.ts";
import { openOnnx } from "./compress/open-model.ts";
import type { QuantizeRecipe } from "./compress/plan-compression.ts";
import { forEachGraph } from "./formats/onnx/graphs.ts";
import type { OnnxModel } from "./formats/onnx/ir.ts";
import type { FormatOptions } from "./methods/quantize/formats.ts";
import { attempt } from "./node-errors.ts";
import { fromFile, toFile } from "./node-files.ts";
import { isSameFile, refuseTarget } from "./node-guard.ts";
import { openNodeBackend, quantizeFile, type QuantizeFileOptions } from "./node-quantize.ts";
import type { QuantizeReport } from "./report/types.ts";

export const presetNames = ["transformers.js"] as const;
export type PresetName = (typeof presetNames)[number];

/** Data types of transformers.js that the preset writes. */
export type PresetType = "fp32" | "fp16" | "q8" | "int8" | "uint8" | "q4" | "q4f16" | "bnb4";

export interface PresetOptions extends Pick<
  QuantizeFileOptions,
  "force" | "signal" | "gate" | "onProgress" | "onWarning" | "backend"
> {
  /** Called before each file is made. */
  readonly onFile?: (type: PresetType, path: string) => void;
}

export interface PresetFile {
  readonly type: PresetType;
  readonly path: string;
  readonly bytes: number;
  /** Absent for the copy. */
  readonly report?: QuantizeReport;
}

export interface PresetReport {
  readonly preset: PresetName;
  readonly files: readonly PresetFile[];
  /** Types that no weight of the model can take. */
  readonly skipped: readonly { readonly type: PresetType; readonly reason: string }[];
}

/** Blocks under MatMulNBits and GatherBlockQuantized only: what the WebGPU provider runs on packed weights. */
const fourBit: FormatOptions = { blockSize: 32, symmetric: true, operator: "matmul-nbits" };

interface Variant {
  readonly type: PresetType;
  readonly suffix: string;
  readonly recipe: QuantizeRecipe;
}

/** @param unsigned weights of 8 bits without a sign, for models with convolutions or fused attention */
function transformersVariants(unsigned: boolean): readonly Variant[] {
  return [
    { type: "fp16", suffix: "fp16", recipe: { format: "fp16" } },
    { type: "q8", suffix: "quantized", recipe: { format: unsigned ? "dynamic-uint8" : "dynamic-int8" } },
    { type: "int8", suffix: "int8", recipe: { format: "dynamic-int8" } },
    { type: "uint8", suffix: "uint8", recipe: { format: "dynamic-uint8" } },
    { type: "q4", suffix: "q4", recipe: { format: "int4", formatOptions: fourBit } },
    { type: "q4f16", suffix: "q4f16", recipe: { format: "q4f16", formatOptions: fourBit } },
    { type: "bnb4", suffix: "bnb4", recipe: { format: "nf4", formatOptions: { blockSize: 64 } } },
  ];
}

const unsignedOperators = new Set(["Conv", "GroupQueryAttention", "MultiHeadAttention"]);

function usesAny(model: OnnxModel, operators: ReadonlySet<string>): boolean {
  let found = false;
  forEachGraph(model, (graph) => {
    found ||= graph.nodes.some((node) => operators.has(node.opType));
  });
  return found;
}

/**
 * Writes the model and its variants into one folder, under the names that the runtime looks for. Files that are
 * done stay when a later one fails; a type that fits no weight is left out and listed.
 *
 * @param input an ONNX file; `encoder.onnx` gives `encoder_fp16.onnx` and so on
 * @throws UsageError where a file is in the way and `force` is not set; else as `quantizeFile`
 * @example await quantizePreset("model.onnx", "out/onnx", { preset: "transformers.js" });
 */
export async function quantizePreset(
  input: string,
  folder: string,
  options: PresetOptions & { readonly preset: PresetName },
): Promise<PresetReport> {
  const { preset, onFile, backend = openNodeBackend, ...rest } = options;
  const name = basename(input).replace(/\.onnx$/i, "");
  const source = await fromFile(input);
  let variants: readonly Variant[];
  let dataFiles: ReadonlyMap<string, ByteSource>;
  try {
    const model = await openOnnx(source, rest.signal ? { signal: rest.signal } : {});
    variants = transformersVariants(usesAny(model.onnx, unsignedOperators));
    dataFiles = dataFilesOf(model);
  } finally {
    await source.close?.();
  }
  await makeFolder(folder);
  const files: PresetFile[] = [];
  const skipped: { type: PresetType; reason: string }[] = [];
  const copy = join(folder, `${name}.onnx`);
  onFile?.("fp32", copy);
  const beside = [...dataFiles.keys()].map((file) => ({ from: join(dirname(input), file), to: join(folder, file) }));
  // Told before the first byte is written, not when half of the files are made.
  for (const { suffix } of variants) {
    await refuseTarget(join(folder, `${name}_${suffix}.onnx`), { force: rest.force ?? false });
  }
  await copyModel([...beside, { from: input, to: copy }], rest);
  files.push({ type: "fp32", path: copy, bytes: (await stat(copy)).size });
  const opened = await backend();
  try {
    if (opened.warning) rest.onWarning?.(opened.warning);
    const shared = { backend: opened.backend, dispose: () => undefined };
    for (const { type, suffix, recipe } of variants) {
      throwIfAborted(rest.signal);
      const path = join(folder, `${name}_${suffix}.onnx`);
      onFile?.(type, path);
      try {
        const report = await quantizeFile(input, path, {
          ...rest,
          ...recipe,
          onWarning: (text) => rest.onWarning?.(`${type}: ${text}`),
          backend: async () => shared,
        });
        files.push({ type, path, bytes: report.output.bytes, report });
      } catch (error) {
        if (!(error instanceof UsageError) || error.details?.["reason"] !== "nothing-fits") throw error;
        skipped.push({ type, reason: error.message });
      }
    }
  } finally {
    opened.dispose();
  }
  return { preset, files, skipped };
}

const makeFolder = (folder: string): Promise<unknown> =>
  attempt(folder, "made", () => mkdir(folder, { recursive: true }));

/**
 * Copies the model and its data files, each whole or not at all, the model last; what already is its target stays.
 * All targets are tried before the first is written.
 */
async function copyModel(files: readonly Copy[], { force = false, signal }: PresetOptions): Promise<void> {
  const notSameAs = files.map(({ from }) => from);
  const sinks: { readonly from: string; readonly sink: ByteSink }[] = [];
  try {
    for (const { from, to } of files) {
      if (await isSameFile(from, to)) continue;
      await makeFolder(dirname(to));
      sinks.push({ from, sink: await toFile(to, { force, notSameAs }) });
    }
    for (const { from, sink } of sinks) await copyInto(from, sink, signal);
    for (const { sink } of sinks) await sink.commit();
  } catch (error) {
    for (const { sink } of sinks) await sink.discard();
    throw error;
  }
}

interface Copy {
  readonly from: string;
  readonly to: string;
}

const copyWindow = 4 * 2 ** 20;

async function copyInto(from: string, sink: ByteSink, signal: AbortSignal | undefined): Promise<void> {
  const source = await fromFile(from);
  try {
    await sink.allocate(source.size);
    for (let at = 0; at < source.size; at += copyWindow) {
      await sink.writeAt(at, await source.read(at, Math.min(copyWindow, source.size - at), signal));
    }
  } finally {
    await source.close?.();
  }
}
