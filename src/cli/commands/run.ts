// `wgslim run`: one forward pass of a model's graph on the device.
import { UsageError } from "../../base/errors.ts";
import { formatBytes } from "../../base/size.ts";
import { openOnnx } from "../../compress/open-model.ts";
import { makeInputs } from "../../evaluate/inputs.ts";
import { integerInputRanges } from "../../evaluate/input-ranges.ts";
import type { InputSpec, InputTensor } from "../../evaluate/tensors.ts";
import type { GraphOutput } from "../../execute/executor.ts";
import { findDType } from "../../formats/onnx/dtypes.ts";
import type { ValueInfo } from "../../formats/onnx/ir.ts";
import type { NpyArray } from "../../formats/npy.ts";
import { writeNpz } from "../../formats/npz.ts";
import { openExecutor } from "../../node-executor.ts";
import { fromFile, toFile } from "../../node-files.ts";
import { fakeQuantRulesOf, parseFakeQuantRule, type FakeQuantRule } from "../../methods/fake-quant/rules.ts";
import { formatTable } from "../../report/table.ts";
import { readInputFile } from "../compare-models.ts";
import { parseNumber } from "../options.ts";
import { printJson, printNote, printText } from "../print.ts";
import { parseDim, parseShape, splitPair } from "./compare.ts";

interface RunFlags {
  readonly input?: readonly string[];
  readonly shape?: readonly string[];
  readonly dim?: readonly string[];
  readonly seed: string;
  readonly value?: readonly string[];
  readonly fakeQuant?: readonly string[];
  readonly checkFinite?: boolean;
  readonly output?: string;
  readonly force?: boolean;
  readonly adapter: string;
  readonly json?: boolean;
}

export async function run(path: string, flags: RunFlags, signal: AbortSignal): Promise<void> {
  const { adapter } = flags;
  if (adapter !== "webgpu" && adapter !== "cpu") {
    throw new UsageError(`--adapter takes webgpu or cpu, not "${adapter}".`);
  }
  const source = await fromFile(path);
  try {
    const model = await openOnnx(source, { signal });
    const sink = flags.output === undefined ? undefined : await npzSink(flags.output, flags.force === true);
    try {
      const fakeQuant = await readFakeQuant(flags.fakeQuant ?? []);
      const options = {
        adapter,
        signal,
        fakeQuant,
        checkFinite: flags.checkFinite === true,
        ...(flags.value ? { outputs: flags.value } : {}),
      } as const;
      const { executor, description, dispose } = await openExecutor(model, options);
      try {
        const inputs = await inputsOf(executor.inputs, integerInputRanges(model.onnx.graph), flags);
        const given = Object.fromEntries(inputs.map(({ name, dims, data }) => [name, { dims, data }]));
        const plan = executor.plan(given);
        const started = performance.now();
        const outputs = await executor.run(given);
        const report = {
          model: path,
          adapter: description,
          seconds: (performance.now() - started) / 1000,
          dispatches: plan.dispatches,
          ...(fakeQuant.length > 0 ? { fakeQuant } : {}),
          constantBytes: plan.constantBytes,
          activationBytes: plan.activationBytes,
          inputs: inputs.map(({ name, dtype, dims, content }) => ({ name, dtype, dims, content })),
          outputs: Object.entries(outputs).map(([name, output]) => summaryOf(name, output)),
        };
        if (flags.json) printJson(report);
        else printText(runText(report));
        if (sink) {
          await sink.write(outputs);
          printNote(`Wrote ${flags.output}.`);
        }
      } finally {
        dispose();
      }
    } finally {
      await sink?.discard();
    }
  } finally {
    await source.close?.();
  }
}

/** Rules as text, or files of them. */
async function readFakeQuant(texts: readonly string[]): Promise<readonly FakeQuantRule[]> {
  const rules = texts.map(async (text): Promise<readonly FakeQuantRule[]> => {
    if (!text.endsWith(".json") || text.includes("=")) return [parseFakeQuantRule(text)];
    const source = await fromFile(text);
    try {
      const json = new TextDecoder().decode(await source.read(0, source.size));
      return fakeQuantRulesOf(parseJson(json, text));
    } finally {
      await source.close?.();
    }
  });
  return (await Promise.all(rules)).flat();
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UsageError(`${file} is no JSON.`, { cause, hint: "It holds an array of rules.", details: { file } });
  }
}

type Given = InputTensor & { readonly content: string };

async function inputsOf(
  declared: readonly ValueInfo[],
  ranges: ReturnType<typeof integerInputRanges>,
  flags: RunFlags,
): Promise<readonly Given[]> {
  const specs = declared.flatMap(({ name, tensor }): InputSpec[] => {
    const dtype = tensor && findDType(tensor.dataType);
    // Other types are refused by the executor, in its own words.
    return tensor?.dims && dtype ? [{ name, dtype: dtype as InputSpec["dtype"], dims: tensor.dims }] : [];
  });
  const files = new Map((flags.input ?? []).map((text) => splitPair("--input", text, "image=image.npy", "first")));
  const unknown = [...files.keys()].find((name) => !specs.some((spec) => spec.name === name));
  if (unknown !== undefined) {
    throw new UsageError(`The graph has no input "${unknown}".`, {
      hint: `Its inputs are ${specs.map(({ name }) => name).join(", ")}.`,
      details: { input: unknown },
    });
  }
  const made = makeInputs(
    specs.filter(({ name }) => !files.has(name)),
    {
      ranges,
      seed: parseNumber("--seed", flags.seed),
      shapes: Object.fromEntries((flags.shape ?? []).map((text) => parseShape(text))),
      dims: Object.fromEntries((flags.dim ?? []).map((text) => parseDim(text))),
    },
  );
  const byName = new Map<string, Given>(made.map((input) => [input.name, input]));
  for (const spec of specs) {
    const file = files.get(spec.name);
    if (file !== undefined) byName.set(spec.name, Object.assign(await readInputFile(spec, file), { content: file }));
  }
  return specs.flatMap(({ name }) => byName.get(name) ?? []);
}

interface OutputSummary {
  readonly name: string;
  readonly type: string;
  readonly dims: readonly number[];
  /** Of the finite elements. */
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly nonFinite: number;
}

function summaryOf(name: string, { type, dims, data }: GraphOutput): OutputSummary {
  let [min, max, sum, finite] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
  for (const value of data) {
    if (!Number.isFinite(value)) continue;
    min = Math.min(min, value);
    max = Math.max(max, value);
    sum += value;
    finite += 1;
  }
  return { name, type, dims, min, max, mean: sum / finite, nonFinite: data.length - finite };
}

interface RunReport {
  readonly model: string;
  readonly adapter: string;
  readonly seconds: number;
  readonly dispatches: number;
  readonly constantBytes: number;
  readonly activationBytes: number;
  readonly inputs: readonly Pick<Given, "name" | "dtype" | "dims" | "content">[];
  readonly outputs: readonly OutputSummary[];
}

function runText(report: RunReport): string {
  const { constantBytes, activationBytes } = report;
  return [
    `${report.model} on ${report.adapter}: ${report.seconds.toFixed(2)} s with preparation, ${report.dispatches} dispatches`,
    `device memory: constants ${formatBytes(constantBytes)}, activations ${formatBytes(activationBytes)}`,
    ...report.inputs.map(
      ({ name, dtype, dims, content }) => `input ${name}  ${dtype} [${dims.join(", ")}]  ${content}`,
    ),
    "",
    formatTable(
      ["output", "type", "shape", "min", "max", "mean", "non-finite"],
      report.outputs.map(({ name, type, dims, min, max, mean, nonFinite }) => [
        name,
        type.toLowerCase(),
        `[${dims.join(",")}]`,
        ...[min, max, mean].map((value) => (Number.isFinite(value) ? value.toPrecision(5) : "-")),
        String(nonFinite),
      ]),
    ),
  ].join("\n");
}

/** Outputs as NumPy arrays of the nearest type. */
function arrayOf({ type, dims, data }: GraphOutput): NpyArray {
  if (type === "INT64") return { dtype: "i64", dims, data: BigInt64Array.from(data, (value) => BigInt(value)) };
  if (type === "BOOL") return { dtype: "bool", dims, data: Uint8Array.from(data) };
  if (type === "UINT8") return { dtype: "u8", dims, data: Uint8Array.from(data) };
  if (/^U?INT/.test(type)) return { dtype: "i32", dims, data: Int32Array.from(data) };
  return { dtype: "f32", dims, data: Float32Array.from(data) };
}

async function npzSink(path: string, force: boolean) {
  if (!path.endsWith(".npz")) throw new UsageError(`--output takes a .npz file, not "${path}".`);
  const sink = await toFile(path, { force });
  return {
    async write(outputs: Readonly<Record<string, GraphOutput>>): Promise<void> {
      const bytes = await writeNpz(Object.entries(outputs).map(([name, output]) => [name, arrayOf(output)] as const));
      await sink.allocate(bytes.length);
      await sink.writeAt(0, bytes);
      await sink.commit();
    },
    discard: () => sink.discard(),
  };
}
