// What is right, sample by sample: a field of the data, or a data set of its own.
import { UsageError } from "../base/errors.ts";
import type { Truth } from "../evaluate/tasks/batch.ts";
import { fieldOf, type Batch, type Dataset } from "./dataset.ts";

export interface TruthSource {
  /** Neighbouring samples that share one truth; they must be asked for together. */
  readonly samplesPerRow: number;
  /** The field of the data that is no input; absent where the truth lies apart. */
  readonly field?: string;
  /** @param batch of the data, whose first rows are these samples */
  read(indices: readonly number[], batch: Batch, signal?: AbortSignal): Promise<Truth>;
}

/** The first rows of a tensor. */
export function firstRows<T extends { readonly dims: readonly number[]; readonly data: Float32Array | Float64Array }>(
  tensor: T,
  count: number,
): T {
  const [rows = 0, ...rest] = tensor.dims;
  if (rows <= count) return tensor;
  return { ...tensor, dims: [count, ...rest], data: tensor.data.subarray(0, (tensor.data.length / rows) * count) };
}

function rowsOf(batch: Batch, field: string, count: number, from: string): Truth {
  const tensor = batch.get(field);
  if (!tensor) throw new UsageError(`${from}: there is no field "${field}".`, { details: { file: from } });
  return firstRows(tensor, count);
}

/** @throws UsageError where the data has no such field */
export function truthInside(data: Dataset, field: string): TruthSource {
  fieldOf(data, field);
  return {
    samplesPerRow: 1,
    field,
    read: async (indices, batch) => rowsOf(batch, field, indices.length, data.name),
  };
}

/** @throws UsageError where it is open which field of the labels counts, or there are not as many as the data needs */
export function truthApart(data: Dataset, labels: Dataset, samplesPerRow = 1): TruthSource {
  const [first, ...more] = labels.fields;
  const field = labels.labelField ?? (more.length === 0 ? first?.name : undefined);
  if (field === undefined) {
    const names = labels.fields.map(({ name }) => name).join(", ");
    throw new UsageError(`${labels.name} has the fields ${names}: which holds the labels is not said.`, {
      hint: "Give a file with one field, or one whose labels are named.",
      details: { file: labels.name },
    });
  }
  if (labels.size * samplesPerRow !== data.size) {
    const wanted = samplesPerRow === 1 ? "one row a sample" : `one row for every ${samplesPerRow} samples`;
    throw new UsageError(
      `${labels.name} has ${labels.size} rows and ${data.name} ${data.size} samples: not ${wanted}.`,
      { details: { file: labels.name } },
    );
  }
  return {
    samplesPerRow,
    async read(indices, _, signal) {
      const rows = indices.filter((index) => index % samplesPerRow === 0).map((index) => index / samplesPerRow);
      return rowsOf(await labels.read(rows, signal), field, rows.length, labels.name);
    },
  };
}
