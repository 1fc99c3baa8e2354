// Shapes of work along one axis, and rows with what breaks it.
import type { AxisShape } from "../../../src/kernels/nn/rows.ts";

const shape = (outer: number, axis: number, inner: number): AxisShape => ({ outer, axis, inner });

/** Single elements, long rows, few and many rows, inner axes, ragged workgroups. */
export const axisShapes: readonly AxisShape[] = [
  shape(1, 1, 1),
  shape(3, 7, 1),
  shape(2, 5, 33),
  shape(1, 5000, 1),
  shape(20, 130, 3),
  shape(131, 70, 2),
];

export const nameOf = ({ outer, axis, inner }: AxisShape): string => `[${outer}, ${axis}, ${inner}]`;

export const elementsOf = ({ outer, axis, inner }: AxisShape): number => outer * axis * inner;
