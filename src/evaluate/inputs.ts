// Makes inputs for a model from what it says about them: open dims get sensible sizes, values are random
// by seed unless the input's name says what it is (a mask, a state, a sample rate, token ids).
// Names are hints only; every choice is reported in `content`, and the caller can overrule all of them.
import { elementCount } from "../base/dtypes.ts";
import { UsageError } from "../base/errors.ts";
import { seededRandom } from "../base/random.ts";
import type { InputSpec, InputTensor, InputType } from "./tensors.ts";

export interface InputOptions {
  /** Default 1. Each input has a stream of its own under the seed. */
  readonly seed?: number;
  /** Sizes of symbolic dims, by symbol. */
  readonly dims?: Readonly<Record<string, number>>;
  /** Whole shapes, by input. */
  readonly shapes?: Readonly<Record<string, readonly number[]>>;
  /** Bounds [min, max) of integer inputs, by input; see `integerInputRanges`. */
  readonly ranges?: ReadonlyMap<string, readonly [min: number, max: number]>;
}

export interface MadeInput extends InputTensor {
  /** What the values are, for people: "normal", "zeros", "integers 0 to 259". */
  readonly content: string;
}

const maxElements = 2 ** 28;

/**
 * Makes every input of a model.
 * @throws UsageError where a size is no size, contradicts the model, or names no dim or input of it
 * @example makeInputs([{ name: "ids", dtype: "i64", dims: ["batch", 64] }], { ranges: new Map([["ids", [0, 260]]]) })
 */
export function makeInputs(specs: readonly InputSpec[], options: InputOptions = {}): readonly MadeInput[] {
  checkNames(specs, options);
  return specs.map((spec) => {
    const dims = chooseDims(spec, options);
    const count = elementCount(dims);
    if (count > maxElements) {
      throw new UsageError(`Input "${spec.name}" of shape [${dims.join(", ")}] is too large to make up.`, {
        hint: `Give a smaller one: --shape ${spec.name}=…`,
        details: { input: spec.name },
      });
    }
    const { data, content } = fill(spec, dims, count, options);
    return { name: spec.name, dtype: spec.dtype, dims, data, content };
  });
}

function checkNames(specs: readonly InputSpec[], { dims = {}, shapes = {} }: InputOptions): void {
  const symbols = new Set(specs.flatMap((spec) => spec.dims.filter((dim) => typeof dim === "string")));
  const names = new Set(specs.map((spec) => spec.name));
  const unknownDim = Object.keys(dims).find((symbol) => !symbols.has(symbol));
  if (unknownDim !== undefined) {
    const known = symbols.size === 0 ? "The model has no named dims." : `It has ${[...symbols].join(", ")}.`;
    throw new UsageError(`No input has a dim named "${unknownDim}". ${known}`);
  }
  const unknownInput = Object.keys(shapes).find((name) => !names.has(name));
  if (unknownInput !== undefined) {
    throw new UsageError(`The model has no input named "${unknownInput}". It has ${[...names].join(", ")}.`);
  }
  for (const size of [...Object.values(dims), ...Object.values(shapes).flat()]) {
    if (!Number.isSafeInteger(size) || size < 0) throw new UsageError(`${size} is not the size of a dim.`);
  }
}

/**
 * The shape to make an input in: given shapes first, then given dims, then a guess from the symbol's name
 * and the axis: batch 1, sequences 32, pictures 224 by 224, sound 512 samples.
 * @throws UsageError where a given shape contradicts the model
 */
export function chooseDims(spec: InputSpec, { dims = {}, shapes = {} }: InputOptions = {}): readonly number[] {
  const given = Object.hasOwn(shapes, spec.name) ? shapes[spec.name] : undefined;
  if (given) {
    const fits =
      given.length === spec.dims.length && spec.dims.every((d, i) => typeof d !== "number" || d === given[i]);
    if (fits) return [...given];
    const asked = spec.dims.map((dim) => dim ?? "?").join(", ");
    throw new UsageError(`Input "${spec.name}" is [${asked}]; the shape [${given.join(", ")}] does not fit it.`, {
      details: { input: spec.name },
    });
  }
  return spec.dims.map((dim, axis) => {
    if (typeof dim === "number") return dim;
    if (dim !== undefined && Object.hasOwn(dims, dim)) return dims[dim] ?? 0;
    return (dim === undefined ? undefined : sizeOfSymbol(dim, dims)) ?? sizeOfAxis(spec, axis);
  });
}

/** Exporters write sums such as "past_sequence_length + 1". */
function sizeOfSymbol(symbol: string, given: Readonly<Record<string, number>>): number | undefined {
  const parts = symbol.split("+").map((part) => part.trim());
  if (parts.length > 1) {
    const sizes = parts.map((part) => (Object.hasOwn(given, part) ? given[part] : sizeOfSymbol(part, given)));
    return sizes.every((size) => size !== undefined) ? sizes.reduce((sum, size) => sum + size, 0) : undefined;
  }
  if (/^\d+$/.test(symbol)) return Number(symbol);
  if (/past/i.test(symbol)) return 0;
  if (/batch|^[nb]$/i.test(symbol)) return 1;
  if (/seq|len|time|token|frames/i.test(symbol)) return 32;
  if (/height|width|^[hw]$/i.test(symbol)) return 224;
  return undefined;
}

const isInteger = (dtype: InputType): boolean => /^[iu]/.test(dtype);

function sizeOfAxis(spec: InputSpec, axis: number): number {
  const rank = spec.dims.length;
  if (axis === 0 || isState(spec)) return 1;
  if (rank === 4) return axis === 1 ? 3 : 224;
  if (rank === 2 && !isInteger(spec.dtype)) return 512;
  return 32;
}

const isState = (spec: InputSpec): boolean =>
  !isInteger(spec.dtype) &&
  !/hidden_states/i.test(spec.name) &&
  /(^|[_.])(states?|[hc][n0]?)([_.\d]|$)|past|cache|memory/i.test(spec.name);

function fill(
  spec: InputSpec,
  dims: readonly number[],
  count: number,
  { seed = 1, ranges }: InputOptions,
): { data: Float64Array | Float32Array; content: string } {
  const { name, dtype } = spec;
  const constant = (value: number): { data: Float64Array; content: string } => ({
    data: new Float64Array(count).fill(value),
    content: value === 0 ? "zeros" : value === 1 ? "ones" : String(value),
  });
  const random = seededRandom(seed, name);
  if (/mask/i.test(name)) return constant(1);
  if (dtype === "bool") {
    return /cache/i.test(name) ? constant(0) : integers([0, 2]);
  }
  if (!isInteger(dtype)) {
    return isState(spec) ? constant(0) : { data: random.normals(count), content: "normal" };
  }
  const range = ranges?.get(name);
  if (range) return integers(range);
  if (/^(sr|sample_?rate|sampling_?rate)$/i.test(name)) return constant(16000);
  if (/token_type|segment/i.test(name)) return constant(0);
  if (/position/i.test(name)) {
    const last = dims.at(-1) ?? 1;
    return { data: Float64Array.from({ length: count }, (_, index) => index % last), content: "0, 1, 2 …" };
  }
  return integers(dtype === "u8" ? [0, 256] : [0, 2]);

  function integers([min, max]: readonly [number, number]): { data: Float64Array; content: string } {
    const data = Float64Array.from({ length: count }, () => random.int(min, max));
    return { data, content: `integers ${min} to ${max - 1}` };
  }
}
