// Runs two model files in onnxruntime on the same inputs and compares all outputs. The figures are made in
// evaluate/; here are only files, sessions and the order of things.
import { readFile, stat } from "node:fs/promises";
import { AbortedError, FormatError, IoError, UsageError, throwIfAborted } from "../base/errors.ts";
import { outputsComparer, type CompareOptions, type OutputsComparison } from "../evaluate/compare.ts";
import { arrayFromJson, inputFromArray } from "../evaluate/given-inputs.ts";
import { integerInputRanges } from "../evaluate/input-ranges.ts";
import { makeInputs, type InputOptions, type MadeInput } from "../evaluate/inputs.ts";
import type { InputSpec, InputTensor } from "../evaluate/tensors.ts";
import { readNpy } from "../formats/npy.ts";
import { readOnnx } from "../formats/onnx/read.ts";
import { fromFile } from "../node-files.ts";
import { openOrtModel, type OrtModel } from "./ort.ts";

export interface CompareModelsOptions extends InputOptions, CompareOptions {
  /** Files by input name: .npy or .json. Inputs not named here are made up. */
  readonly files?: Readonly<Record<string, string>>;
  /** How many inputs to try, each under the next seed; default 1. */
  readonly runs?: number;
  readonly signal?: AbortSignal;
}

export interface ModelComparison extends OutputsComparison {
  readonly a: { readonly path: string; readonly bytes: number };
  readonly b: { readonly path: string; readonly bytes: number };
  readonly seed: number;
  readonly runs: number;
  readonly inputs: readonly {
    readonly name: string;
    readonly dtype: string;
    readonly dims: readonly number[];
    /** What the values are: a file's path, "normal", "zeros", "integers 0 to 259". */
    readonly content: string;
  }[];
}

/**
 * Compares two models, the first being the original, on onnxruntime's CPU provider.
 *
 * @throws UnsupportedError where onnxruntime-node is missing or refuses a model; UsageError where inputs or
 *   options do not fit; FormatError and IoError from input files; AbortedError
 * @example await compareModels("model.onnx", "model_int4.onnx", { dims: { batch: 2 }, seed: 7 })
 */
export async function compareModels(
  pathA: string,
  pathB: string,
  options: CompareModelsOptions = {},
): Promise<ModelComparison> {
  const { seed = 1, runs = 1, files = {}, signal } = options;
  if (!Number.isSafeInteger(runs) || runs < 1) {
    throw new UsageError(`${runs} is not a count of runs.`, { hint: "Give a whole number from 1." });
  }
  const bytes = await Promise.all([pathA, pathB].map(fileSize));
  const ranges = options.ranges ?? (await rangesOf(pathA, signal));
  const [a, b] = [await openOrtModel(pathA), await openOrtModel(pathB)];
  try {
    checkInputNames(a, b);
    const given = await Promise.all(Object.entries(files).map(([name, file]) => readInput(a, name, file)));
    const made = new Set(given.map((input) => input.name));
    const open = a.inputs.filter((spec) => !made.has(spec.name));
    const comparer = outputsComparer(options);
    let first: readonly (InputTensor & Pick<MadeInput, "content">)[] | undefined;
    for (let run = 0; run < runs; run++) {
      throwIfAborted(signal);
      const inputs = [...given, ...makeInputs(open, { ...options, ranges, seed: seed + run })];
      comparer.add(await a.run(inputs), await b.run(inputs));
      first ??= inputs;
    }
    const comparison = comparer.result();
    return {
      a: { path: pathA, bytes: bytes[0] ?? 0 },
      b: { path: pathB, bytes: bytes[1] ?? 0 },
      seed,
      runs,
      inputs: (first ?? []).map(({ name, dtype, dims, content }) => ({ name, dtype, dims, content })),
      ...comparison,
      warnings: [
        ...comparison.warnings,
        ...comparison.outputs
          .filter(({ count }) => count === 0)
          .map(({ name }) => `Output "${name}" is empty: there was nothing to compare.`),
        ...a.left.map((name) => `Output "${name}" is no tensor of numbers and was not compared.`),
      ],
    };
  } finally {
    await a.dispose();
    await b.dispose();
  }
}

async function fileSize(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    throw new IoError(`${path}: can't be read.`, { hint: "Check the path.", details: { file: path }, cause: error });
  }
}

/** Bounds of token ids. A model that our reader refuses may still run: then there are none. */
async function rangesOf(path: string, signal: AbortSignal | undefined): Promise<InputOptions["ranges"] & object> {
  const source = await fromFile(path);
  try {
    return integerInputRanges((await readOnnx(source, signal ? { signal } : {})).graph);
  } catch (error) {
    if (error instanceof AbortedError) throw error;
    return new Map();
  } finally {
    await source.close?.();
  }
}

function checkInputNames(a: OrtModel, b: OrtModel): void {
  const inA = new Set(a.inputs.map((input) => input.name));
  const missing = b.inputs.find((input) => !inA.has(input.name));
  if (missing) {
    throw new UsageError(`${b.name} takes an input "${missing.name}" that ${a.name} does not have.`, {
      hint: "Compare a model with its own compressed copy.",
      details: { input: missing.name },
    });
  }
}

async function readInput(model: OrtModel, name: string, file: string): Promise<InputTensor & { content: string }> {
  const spec = model.inputs.find((input) => input.name === name);
  if (!spec) {
    const known = model.inputs.map((input) => input.name).join(", ");
    throw new UsageError(`${model.name} has no input "${name}". It has ${known}.`, { details: { input: name } });
  }
  return { ...(await readInputFile(spec, file)), content: file };
}

/**
 * Reads a .npy or .json file as one input.
 * @throws UsageError for another extension or a misfit; FormatError; IoError
 */
export async function readInputFile(spec: InputSpec, file: string): Promise<InputTensor> {
  const kind = /\.(npy|json)$/i.exec(file)?.[1]?.toLowerCase();
  if (!kind) throw new UsageError(`${file}: inputs are read from .npy and .json files.`, { details: { file } });
  let content: Uint8Array;
  try {
    content = await readFile(file);
  } catch (error) {
    throw new IoError(`${file}: can't be read.`, { hint: "Check the path.", details: { file }, cause: error });
  }
  return inputFromArray(
    spec,
    kind === "npy" ? readNpy(content, file) : arrayFromJson(parseJson(content, file), file),
    file,
  );
}

function parseJson(content: Uint8Array, file: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(content));
  } catch (error) {
    throw new FormatError(`${file}: this is no JSON.`, { details: { file }, cause: error });
  }
}
