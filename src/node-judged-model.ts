// One model under evaluation: which of its values is judged, which inputs the data feeds, and what stands in the rest.
import { NonFiniteError, UsageError } from "./base/errors.ts";
import type { OnnxFile } from "./compress/models.ts";
import { firstRows } from "./data/truth.ts";
import type { EvaluationTask } from "./evaluate/evaluate-outputs.ts";
import { integerInputRanges } from "./evaluate/input-ranges.ts";
import { makeInputs } from "./evaluate/inputs.ts";
import type { InputSpec, InputTensor, OutputTensor } from "./evaluate/tensors.ts";
import { Executor } from "./execute/executor.ts";
import { findDType } from "./formats/onnx/dtypes.ts";
import type { Backend } from "./run/backend.ts";

export interface JudgedModel {
  readonly name: string;
  /** The value that is judged. */
  readonly output: string;
  /** Inputs that the data must feed. */
  readonly specs: readonly InputSpec[];
  /** Samples of a run, where the model fixes them. */
  readonly fixedBatch: number | undefined;
  /**
   * The answers to the first `count` rows.
   * @throws as `Executor.run`; UsageError where an index is beyond its table, or the answers are not one row a sample
   */
  run(feeds: readonly InputTensor[], count: number): Promise<OutputTensor>;
  dispose(): void;
}

export interface JudgedModelOptions {
  readonly task: EvaluationTask;
  /** The value to judge; default: the only output, or the one that is named as the task has it. */
  readonly output?: string;
  /** Names of fields, and inputs that are said to be fed: none of them is made up. */
  readonly given: ReadonlySet<string>;
  readonly signal?: AbortSignal;
}

/** What exports of language models take beside tokens: all ones, 0 1 2 …, and an empty past will do. */
const companion = /mask|position_ids|past|cache/i;

const usualOutputs: Readonly<Record<EvaluationTask, readonly string[]>> = {
  classification: ["logits", "probabilities", "scores"],
  "language-model": ["logits"],
  embedding: ["sentence_embedding", "text_embeds", "image_embeds", "embeddings", "pooler_output"],
  regression: ["predictions"],
  segmentation: ["logits"],
};

/** @throws UsageError where it is open which output is meant; as `Executor.create` */
export async function openJudged(model: OnnxFile, backend: Backend, options: JudgedModelOptions): Promise<JudgedModel> {
  const { task, given, signal } = options;
  const { name } = model.source;
  const output = chooseOutput(model, options);
  const executor = await Executor.create(model.onnx, backend, { outputs: [output], ...(signal ? { signal } : {}) });
  const all = executor.inputs.flatMap(({ name: input, tensor }): InputSpec[] => {
    const dtype = tensor && findDType(tensor.dataType);
    // Other types are refused by the executor, in its own words.
    return tensor?.dims && dtype ? [{ name: input, dtype: dtype as InputSpec["dtype"], dims: tensor.dims }] : [];
  });
  const isMade = (spec: InputSpec): boolean =>
    task === "language-model" && !given.has(spec.name) && companion.test(spec.name);
  const specs = all.filter((spec) => !isMade(spec));
  const made = all.filter(isMade);
  const ranges = integerInputRanges(model.onnx.graph);
  const fixed = specs.map(({ dims }) => dims[0]).find((dim) => typeof dim === "number");
  return {
    name,
    output,
    specs,
    fixedBatch: fixed,
    async run(feeds, count) {
      for (const feed of feeds) requireWithin(feed, ranges.get(feed.name), name);
      const inputs = [...feeds, ...companions(made, specs, feeds)];
      const results = await executor.run(Object.fromEntries(inputs.map(({ name: of, ...tensor }) => [of, tensor])));
      const result = results[output];
      if (!result || result.dims[0] !== (feeds[0]?.dims[0] ?? count)) {
        throw new UsageError(
          `${name}: "${output}" is [${result?.dims.join(", ") ?? ""}] for ${feeds[0]?.dims[0]} samples, not one row each.`,
          { hint: "Choose another value of the graph to judge.", details: { file: name, tensor: output } },
        );
      }
      return firstRows({ name: output, dims: result.dims, data: result.data }, count);
    },
    dispose: () => executor.dispose(),
  };
}

function chooseOutput({ source, onnx: { graph } }: OnnxFile, { task, output }: JudgedModelOptions): string {
  const names = graph.outputs.map(({ name }) => name);
  const details = { file: source.name };
  if (output !== undefined) {
    if (names.includes(output) || graph.nodes.some(({ outputs }) => outputs.includes(output))) return output;
    throw new UsageError(`${source.name} has no value "${output}".`, {
      hint: `Its outputs are ${names.join(", ")}.`,
      details,
    });
  }
  const [only, ...more] = names;
  if (only !== undefined && more.length === 0) return only;
  const usual = usualOutputs[task].find((each) => names.includes(each));
  if (usual !== undefined) return usual;
  throw new UsageError(`${source.name} has the outputs ${names.join(", ")}: which is to be judged is not said.`, {
    hint: "Name the one that answers the task.",
    details,
  });
}

/** Devices do not agree on what an index beyond its table gives. @throws UsageError for one */
function requireWithin(
  { name, data }: InputTensor,
  range: readonly [min: number, max: number] | undefined,
  file: string,
): void {
  if (!range) return;
  const wrong = data.find((value) => value < range[0] || value >= range[1]);
  if (wrong === undefined) return;
  throw new UsageError(`${file} takes ${range[0]} to ${range[1] - 1} in "${name}", not ${wrong}.`, {
    hint: "Check that the text was made into tokens by the model's own tokenizer.",
    details: { file, input: name },
  });
}

/** Inputs that go with tokens, of sizes that follow theirs. */
function companions(
  made: readonly InputSpec[],
  fed: readonly InputSpec[],
  feeds: readonly InputTensor[],
): readonly InputTensor[] {
  const sizes = new Map<string, number>();
  for (const [at, spec] of fed.entries()) {
    for (const [axis, dim] of spec.dims.entries()) {
      if (typeof dim === "string") sizes.set(dim, feeds[at]?.dims[axis] ?? 1);
    }
  }
  const tokens = feeds[0]?.dims ?? [];
  const likeTokens = made.filter(({ dims }) => dims.length === 2 && tokens.length === 2);
  const known = new Set(made.flatMap(({ dims }) => dims));
  return makeInputs(made, {
    shapes: Object.fromEntries(likeTokens.map((spec) => [spec.name, tokens])),
    dims: Object.fromEntries([...sizes].filter(([symbol]) => known.has(symbol))),
  });
}

/**
 * Infinities are the evaluators' to count: a masked class is minus infinity.
 * @throws NonFiniteError where an answer is NaN
 */
export function refuseNaN({ name, output }: JudgedModel, answers: OutputTensor, indices: readonly number[]): void {
  const first = answers.data.findIndex(Number.isNaN);
  if (first < 0) return;
  const sample = indices[Math.floor((first * indices.length) / answers.data.length)] ?? 0;
  const count = answers.data.filter(Number.isNaN).length;
  throw new NonFiniteError(`${name} gives NaN in "${output}" for sample ${sample}.`, {
    hint: "Check how the data is prepared (scale, mean, padding); figures over such answers would mean nothing.",
    details: { file: name, tensor: output, sample, count, firstIndex: first },
  });
}
