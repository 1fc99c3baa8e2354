// Statistics of values, made on the device beside the values themselves: only a few numbers a channel are read back.
import { OnnxType } from "../formats/onnx/ir.ts";
import type { GraphBuilder } from "./builder.ts";
import { reduceAxes } from "./ops/reduction.ts";
import { isFloatType, sizeOf, type Value } from "./values.ts";

/** What to observe of a graph in place of its outputs. */
export interface Observation {
  /** Values of the main graph; those that are no floats or follow from constants are passed over. */
  readonly tensors: readonly string[];
  /** The axis of a value that its channels lie along. */
  axisOf(tensor: string, rank: number): number;
}

/** Each over all elements of a channel. */
export const observedFigures = ["min", "max", "sum", "absSum", "squareSum"] as const;

export type ObservedFigure = (typeof observedFigures)[number];

const operations = {
  min: ["min", "min"],
  max: ["max", "max"],
  sum: ["sum", "sum"],
  absSum: ["l1", "sum"],
  squareSum: ["sumSquare", "sum"],
} as const;

/** Names of a program's outputs, by tensor. */
export const figureName = (tensor: string, figure: ObservedFigure | "size"): string => `${figure}:${tensor}`;

interface NamedValue {
  readonly name: string;
  readonly value: Value;
}

/** The outputs of a program that observes; of `size`, the first number counts elements, the second is the axis. */
export function observedOutputs(
  b: GraphBuilder,
  { tensors, axisOf }: Observation,
  find: (tensor: string) => Value | undefined,
): readonly NamedValue[] {
  return tensors.flatMap((tensor): NamedValue[] => {
    const value = find(tensor);
    if (!value || !isObservable(value)) return [];
    const axis = Math.max(0, axisOf(tensor, value.dims.length));
    const size = { type: OnnxType.DOUBLE, dims: [2], data: Float64Array.of(sizeOf(value.dims), axis) };
    return [
      { name: figureName(tensor, "size"), value: b.known(size) },
      ...observedFigures.map((figure) => ({
        name: figureName(tensor, figure),
        value: observeFigure(b, value, axis, figure),
      })),
    ];
  });
}

/** Whether a run computes the value, and there is something to measure. */
const isObservable = (value: Value): boolean =>
  isFloatType(value.type) && !value.host && !value.tensor && sizeOf(value.dims) > 0;

/** One figure of each channel of a value, [channels]. */
function observeFigure(b: GraphBuilder, value: Value, axis: number, figure: ObservedFigure): Value {
  const [first, then] = operations[figure];
  // Two axes at least, so that there is always one to reduce.
  const spare = value.dims.length < 2;
  const x = spare ? b.reshape(value, [1, sizeOf(value.dims)]) : value;
  const at = spare ? 1 : axis;
  const heads = [...x.dims.keys()].filter((each) => each < at);
  const tails = [...x.dims.keys()].filter((each) => each > at);
  if (tails.length === 0) return reduceAxes(b, x, heads, first);
  const y = reduceAxes(b, x, tails, first);
  return heads.length === 0 ? y : reduceAxes(b, y, heads, then);
}
