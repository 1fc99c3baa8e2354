// Operators whose form depends on the operator set (attributes that became inputs, operators that came late), and the
// arithmetic on shapes that exporters write for dynamic dims.
import type { GraphBuilder, Operand, Value } from "./graph-builder.ts";
import { lazy, productOf, sumOf, through, type Moments } from "./moments.ts";
import { combine, mapSample, momentsOf, pick, type Sample } from "./sample.ts";

export const list = (values: readonly number[]): bigint[] => values.map(BigInt);

/** The same value after an operator that changes no distribution. */
export const renamed = (value: Value, name: string): Value => ({ ...value, name });

export const valueOf = (name: string, width: number, moments: () => Moments): Value => ({ name, width, moments });

/** With a sample, whose moments are then the value's. */
export function sampled(name: string, width: number, make: () => Sample): Value {
  const sample = lazy(make);
  return { name, width, sample, moments: lazy(() => momentsOf(sample())) };
}

export function unsqueeze(b: GraphBuilder, x: Operand, ...axes: readonly number[]): string {
  return b.opset < 13 ? b.node("Unsqueeze", [x], { axes: list(axes) }) : b.node("Unsqueeze", [x, b.ints(...axes)]);
}

export function squeeze(b: GraphBuilder, x: Operand, ...axes: readonly number[]): string {
  return b.opset < 13 ? b.node("Squeeze", [x], { axes: list(axes) }) : b.node("Squeeze", [x, b.ints(...axes)]);
}

export function reduceMean(b: GraphBuilder, x: Operand, axes: readonly number[], keepdims = true): string {
  const keep = { keepdims: keepdims ? 1n : 0n };
  return b.opset < 18
    ? b.node("ReduceMean", [x], { axes: list(axes), ...keep })
    : b.node("ReduceMean", [x, b.ints(...axes)], keep);
}

export function clip(b: GraphBuilder, x: Operand, min: number, max: number): string {
  return b.opset < 11 ? b.node("Clip", [x], { min, max }) : b.node("Clip", [x, b.float(min), b.float(max)]);
}

/** Numbers, or values of one element; the end of a dim is 2^31 - 1 as in torch.onnx's files. */
export interface Range {
  readonly axis: number;
  readonly start: number | string;
  readonly end?: number | string;
  readonly step?: number;
}

const toTheEnd = 2 ** 31 - 1;

export function slice(b: GraphBuilder, x: Operand, { axis, start, end = toTheEnd, step = 1 }: Range): string {
  if (b.opset < 10) {
    if (typeof start === "string" || typeof end === "string" || step !== 1) {
      throw new Error(`Slice of operator set ${b.opset} takes neither computed bounds nor steps.`);
    }
    return b.node("Slice", [x], { axes: list([axis]), starts: list([start]), ends: list([end]) });
  }
  const bound = (at: number | string): string => (typeof at === "number" ? b.ints(at) : at);
  const inputs = [x, bound(start), bound(end), b.ints(axis)];
  return b.node("Slice", step === 1 ? inputs : [...inputs, b.ints(step)]);
}

export function split(b: GraphBuilder, x: Operand, sizes: readonly number[], axis: number): string[] {
  const even = sizes.every((size) => size === sizes[0]);
  if (b.opset < 13) return b.nodes("Split", [x], sizes.length, { axis: BigInt(axis), split: list(sizes) });
  if (b.opset >= 18 && even) {
    return b.nodes("Split", [x], sizes.length, { axis: BigInt(axis), num_outputs: BigInt(sizes.length) });
  }
  return b.nodes("Split", [x, b.ints(...sizes)], sizes.length, { axis: BigInt(axis) });
}

/** Zeros around a value; `pads` as in ONNX: all begins, then all ends. */
export function pad(b: GraphBuilder, x: Operand, pads: readonly number[]): string {
  return b.opset < 11 ? b.node("Pad", [x], { pads: list(pads) }) : b.node("Pad", [x, b.ints(...pads)]);
}

export const transpose = (b: GraphBuilder, x: Operand, ...perm: readonly number[]): string =>
  b.node("Transpose", [x], { perm: list(perm) });

/** One dim of a value as a scalar. */
export const dimOf = (b: GraphBuilder, x: Operand, axis: number): string =>
  b.node("Gather", [b.node("Shape", [x]), b.int(axis)], { axis: 0n });

/** A shape from numbers and scalar dims, gathered part by part. */
export function shapeOf(b: GraphBuilder, parts: readonly (number | string)[]): string {
  const numbers = parts.filter((part) => typeof part === "number");
  if (numbers.length === parts.length) return b.ints(...numbers);
  const rows = parts.map((part) => (typeof part === "number" ? b.ints(part) : unsqueeze(b, part, 0)));
  return b.node("Concat", rows, { axis: 0n });
}

export const reshape = (b: GraphBuilder, x: Operand, parts: readonly (number | string)[]): string =>
  b.node("Reshape", [x, shapeOf(b, parts)]);

/** Along channels. */
export function concat(b: GraphBuilder, parts: readonly Value[]): Value {
  const width = parts.reduce((sum, part) => sum + part.width, 0);
  return sampled(b.node("Concat", parts, { axis: 1n }), width, () => pick(parts.map(sampleOf)));
}

/** Of a network over pictures. */
export function sampleOf({ name, sample }: Value): Sample {
  if (!sample) throw new Error(`"${name}" is made without a sample.`);
  return sample();
}

export function add(b: GraphBuilder, x: Value, y: Value): Value {
  const name = b.node("Add", [x, y]);
  return x.sample && y.sample
    ? sampled(name, x.width, () => combine(sampleOf(x), sampleOf(y), (v, w) => v + w))
    : valueOf(
        name,
        x.width,
        lazy(() => sumOf(x.moments(), y.moments())),
      );
}

export function multiply(b: GraphBuilder, x: Value, y: Value): Value {
  const name = b.node("Mul", [x, y]);
  return x.sample && y.sample
    ? sampled(name, x.width, () => combine(sampleOf(x), sampleOf(y), (v, w) => v * w))
    : valueOf(
        name,
        x.width,
        lazy(() => productOf(x.moments(), y.moments())),
      );
}

/** Batched, with keys transposed already where it makes scores. */
export const softmax = (b: GraphBuilder, x: Operand): string => b.node("Softmax", [x], { axis: -1n });

/** The value of this name, made from `x` element by element. */
export const mapped = (x: Value, name: string, f: (x: number) => number): Value =>
  x.sample
    ? sampled(name, x.width, () => mapSample(sampleOf(x), f))
    : valueOf(
        name,
        x.width,
        lazy(() => through(f, x.moments())),
      );
