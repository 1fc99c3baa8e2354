// How good a quantized model's final outputs are: the original's and the copy's answers to the same realistic inputs
// in onnxruntime's CPU provider, and the table rows of a table for a person to read.
import { outputsComparer, type CompareOptions, type OutputComparison } from "../../src/evaluate/compare.ts";
import type { OutputTensor } from "../../src/evaluate/tensors.ts";
import { dataModel, type DataModel } from "./data-models.ts";
import { openOracle } from "./ort.ts";
import { realisticRuns, windows } from "./realistic-runs.ts";

/** How many realistic inputs each model gets. */
export type InputCounts = Readonly<Record<DataModel["id"], number>>;

export interface QualityJudge {
  /** The outputs of a copy against the original's; a loss in bits a byte for the language model. */
  judge(path: string): Promise<{ readonly outputs: readonly OutputComparison[]; readonly bitsPerByte?: number }>;
}

/** Runs the original once; every copy is then judged against it. */
export async function openJudge(
  id: DataModel["id"],
  counts: InputCounts,
  options: CompareOptions = {},
): Promise<QualityJudge> {
  const runs = await answers(id, dataModel(id).path, counts[id]);
  return {
    async judge(path) {
      const copies = await answers(id, path, counts[id]);
      const comparer = outputsComparer(options);
      for (const [index, outputs] of runs.entries()) comparer.add(outputs, copies[index] ?? []);
      const { outputs } = comparer.result();
      return id === "tiny-llama" ? { outputs, bitsPerByte: bitsPerByte(copies) } : { outputs };
    },
  };
}

async function answers(
  id: DataModel["id"],
  path: string,
  count: number,
): Promise<readonly (readonly OutputTensor[])[]> {
  const model = await openOracle(path);
  try {
    const all = [];
    for await (const outputs of realisticRuns(id, count)(model)) all.push(outputs);
    return all;
  } finally {
    await model.dispose();
  }
}

/** Mean cross-entropy in bits of every next byte, given the logits of all windows. */
function bitsPerByte(runs: readonly (readonly OutputTensor[])[]): number {
  let [bits, bytes] = [0, 0];
  for (const [index, [input]] of windows(runs.length).entries()) {
    const logits = runs[index]?.[0];
    if (!input || !logits) continue;
    const classes = logits.dims.at(-1) ?? 0;
    for (let at = 0; at + 1 < input.data.length; at++) {
      const row = logits.data.subarray(at * classes, (at + 1) * classes);
      const largest = Math.max(...row);
      let sum = 0;
      for (const value of row) sum += Math.exp(value - largest);
      bits += (Math.log(sum) + largest - (row[input.data[at + 1] ?? 0] ?? 0)) / Math.LN2;
      bytes++;
    }
  }
  return bits / bytes;
}

export const tableHead =
  "| model | format | search | bytes | output | cosine | SQNR dB | max abs | same top-1 | KL nats | bits/byte |\n" +
  "|---|---|---|---|---|---|---|---|---|---|---|";

/** One row of the table for each output. */
export function tableRows(
  label: readonly [model: string, format: string, search: string],
  share: number,
  { outputs, bitsPerByte: bits }: Awaited<ReturnType<QualityJudge["judge"]>>,
): string {
  const rows = outputs.map(({ name, cosine, sqnrDb, maxAbsError, classes }) => [
    ...label,
    `${(100 * share).toFixed(1)} %`,
    name,
    cosine.toFixed(5),
    sqnrDb.toFixed(1),
    maxAbsError.toPrecision(2),
    classes ? `${(100 * classes.top1Agreement).toFixed(1)} %` : "",
    classes ? classes.klDivergence.toExponential(1) : "",
    bits === undefined ? "" : bits.toFixed(4),
  ]);
  return rows.map((row) => `| ${row.join(" | ")} |`).join("\n");
}
