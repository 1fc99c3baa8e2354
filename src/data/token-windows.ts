// One long row of tokens as a data set of windows, which is how language models are evaluated and calibrated.
import { UsageError } from "../base/errors.ts";
import type { NpyArray } from "../formats/npy.ts";
import { checkIndices, requireCount, type Dataset } from "./dataset.ts";

export interface WindowOptions {
  /** Tokens of a window. */
  readonly length: number;
  /** Tokens from one window's start to the next's; default: the length, so that none overlap. */
  readonly stride?: number;
  /** Default "input_ids". */
  readonly field?: string;
}

/**
 * Windows over all tokens; what is left at the end and fills no window is left out.
 * @throws UsageError where there are fewer tokens than one window takes, or a token is no integer of 0 and more
 */
export function tokenWindows(name: string, tokens: Pick<NpyArray, "dims" | "data">, options: WindowOptions): Dataset {
  const { length, stride = length, field = "input_ids" } = options;
  requireCount(length, "a number of tokens");
  requireCount(stride, "a number of tokens");
  const size = Math.floor((tokens.data.length - length) / stride) + 1;
  if (tokens.dims.length !== 1 || size < 1) {
    throw new UsageError(`${name}: [${tokens.dims.join(", ")}] holds no row of ${length} tokens.`, {
      details: { file: name },
    });
  }
  return {
    name,
    size,
    fields: [{ name: field, dtype: "i64", dims: [length] }],
    async read(indices) {
      checkIndices({ name, size }, indices);
      const data = new Float64Array(indices.length * length);
      for (const [at, index] of indices.entries()) {
        for (let token = 0; token < length; token++) {
          const value = Number(tokens.data[index * stride + token]);
          if (!Number.isSafeInteger(value) || value < 0) {
            throw new UsageError(`${name}: ${value} at ${index * stride + token} is no token.`, {
              details: { file: name },
            });
          }
          data[at * length + token] = value;
        }
      }
      return new Map([[field, { name: field, dtype: "i64", dims: [indices.length, length], data }]]);
    },
  };
}
