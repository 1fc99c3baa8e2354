// Inputs that the user gives, as .npy or JSON content, checked against what the model takes.
// Knows no files: the caller reads them.
import { elementCount } from "../base/dtypes.ts";
import { FormatError, UsageError } from "../base/errors.ts";
import type { NpyArray } from "../formats/npy.ts";
import type { InputSpec, InputTensor, InputType } from "./tensors.ts";

const maxRank = 32;

/** An array without a type of its own. */
export interface PlainArray {
  readonly dims: readonly number[];
  readonly data: ArrayLike<number | bigint>;
}

/**
 * Reads nested lists of numbers or booleans, or `{ "dims": [...], "data": [...] }`.
 * @param name for messages
 * @throws FormatError where lists are ragged or hold anything else
 */
export function arrayFromJson(value: unknown, name: string): PlainArray {
  const fail = (what: string): never => {
    throw new FormatError(`${name}: ${what}`, {
      hint: 'Give nested lists of numbers, or {"dims": [2, 3], "data": [...]}.',
      details: { file: name },
    });
  };
  if (typeof value === "object" && value !== null && "dims" in value && "data" in value) {
    const dims = Array.isArray(value.dims) ? value.dims.map(Number) : fail("dims is no list.");
    if (dims.some((dim) => !Number.isSafeInteger(dim) || dim < 0)) fail("dims holds something that is no size.");
    const { data } = arrayFromJson(value.data, name);
    if (data.length !== elementCount(dims))
      fail(`[${dims.join(", ")}] needs ${elementCount(dims)} elements, not ${data.length}.`);
    return { dims, data };
  }
  const dims: number[] = [];
  for (let level: unknown = value; Array.isArray(level); level = level[0]) {
    if (dims.length >= maxRank) fail(`the lists are nested deeper than ${maxRank}.`);
    dims.push(level.length);
  }
  const data: number[] = [];
  const walk = (item: unknown, axis: number): void => {
    if (Array.isArray(item)) {
      if (item.length !== dims[axis]) fail("the lists differ in length.");
      for (const inner of item) walk(inner, axis + 1);
    } else if (axis !== dims.length) fail("the lists differ in depth.");
    else if (typeof item === "number" || typeof item === "boolean") data.push(Number(item));
    else fail(`${JSON.stringify(item)} is no number.`);
  };
  walk(value, 0);
  return { dims, data };
}

const integerBounds: Partial<Record<InputType, readonly [number, number]>> = {
  i64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  u64: [0, Number.MAX_SAFE_INTEGER],
  i32: [-(2 ** 31), 2 ** 31 - 1],
  u32: [0, 2 ** 32 - 1],
  i16: [-(2 ** 15), 2 ** 15 - 1],
  u16: [0, 2 ** 16 - 1],
  i8: [-128, 127],
  u8: [0, 255],
  bool: [0, 1],
};

/**
 * Fits an array to an input: same rank, fixed dims equal, values expressible in the input's type.
 * @param from for messages: the file's name
 * @throws UsageError where it does not fit
 */
export function inputFromArray(spec: InputSpec, array: PlainArray | NpyArray, from: string): InputTensor {
  const { dims } = array;
  const fits =
    dims.length === spec.dims.length && spec.dims.every((dim, i) => typeof dim !== "number" || dim === dims[i]);
  if (!fits) {
    const asked = spec.dims.map((dim) => dim ?? "?").join(", ");
    throw new UsageError(`${from} is [${dims.join(", ")}], but input "${spec.name}" takes [${asked}].`, {
      details: { input: spec.name, file: from },
    });
  }
  const data = Float64Array.from(array.data, Number);
  const bounds = integerBounds[spec.dtype];
  if (bounds) {
    const wrong = data.findIndex((value) => !Number.isInteger(value) || value < bounds[0] || value > bounds[1]);
    if (wrong >= 0) {
      throw new UsageError(
        `${from} holds ${data[wrong]} at ${wrong}, which input "${spec.name}" (${spec.dtype}) can't take.`,
        {
          details: { input: spec.name, file: from },
        },
      );
    }
  }
  return { name: spec.name, dtype: spec.dtype, dims: [...dims], data };
}
