// Steps that many operators are made of.
import { OnnxType } from "../../formats/onnx/ir.ts";
import { binaryCall, type BinaryOp } from "../../kernels/nn/binary.ts";
import { stridesOf } from "../../kernels/nn/broadcast.ts";
import { stridedCopyCall } from "../../kernels/nn/strided-copy.ts";
import { unaryCall, type UnaryOp } from "../../kernels/nn/unary.ts";
import type { GraphBuilder } from "../builder.ts";
import { sizeOf, type Value } from "../values.ts";
import { isReshape, transposed, type View } from "./views.ts";

/** f applied to each element, as a tensor of `type` (that of x where absent). */
export function unary(
  b: GraphBuilder,
  op: UnaryOp,
  x: Value,
  constants: { a?: number; b?: number; type?: number } = {},
): Value {
  const y = b.temp(constants.type ?? x.type, x.dims);
  b.emit(unaryCall(sizeOf(x.dims), op, constants.a, constants.b), [x, y]);
  return y;
}

/** Two tensors that broadcast to `dims`. */
export function binary(
  b: GraphBuilder,
  op: BinaryOp,
  x: Value,
  z: Value,
  dims: readonly number[],
  type: number = x.type,
): Value {
  const y = b.temp(type, dims);
  b.emit(binaryCall(op, { a: x.dims, b: z.dims, y: dims }), [x, z, y]);
  return y;
}

/** A view of x: without a copy where it is x itself in other dims. */
export function takeView(b: GraphBuilder, x: Value, view: View): Value {
  if (isReshape(view) && sizeOf(view.box) === sizeOf(x.dims)) return b.reshape(x, view.dims);
  const y = b.temp(x.type, view.dims);
  const { box, start, strides } = view;
  b.emit(stridedCopyCall(box, { start, strides }, { start: 0, strides: stridesOf(box) }), [x, y]);
  return y;
}

export const transpose = (b: GraphBuilder, x: Value, order: readonly number[]): Value =>
  takeView(b, x, transposed(x.dims, order));

/** Copies x into a box of y that starts at `at`. */
export function place(b: GraphBuilder, x: Value, y: Value, at: readonly number[]): void {
  const strides = stridesOf(y.dims);
  const start = at.reduce((sum, index, axis) => sum + index * (strides[axis] ?? 1), 0);
  b.emit(stridedCopyCall(x.dims, { start: 0, strides: stridesOf(x.dims) }, { start, strides }), [x, y]);
}

/** Tensors end to end along an axis. */
export function concat(b: GraphBuilder, parts: readonly Value[], axis: number): Value {
  const [first] = parts;
  const dims = [...(first?.dims ?? [])];
  dims[axis] = parts.reduce((sum, part) => sum + (part.dims[axis] ?? 0), 0);
  const y = b.temp(first?.type ?? OnnxType.FLOAT, dims);
  let at = 0;
  for (const part of parts) {
    if (sizeOf(part.dims) > 0)
      place(
        b,
        part,
        y,
        dims.map((_, i) => (i === axis ? at : 0)),
      );
    at += part.dims[axis] ?? 0;
  }
  return y;
}

/** A tensor filled with one number. */
export function filled(b: GraphBuilder, value: number, type: number, dims: readonly number[]): Value {
  const scalar = b.scalar(value, type);
  return takeView(b, scalar, { dims, box: dims, start: 0, strides: dims.map(() => 0) });
}
