// Tensors that follow from positions alone, and operators that apply them: triangles and identities.
import { OnnxType } from "../../formats/onnx/ir.ts";
import { selectCall } from "../../kernels/nn/select.ts";
import type { Lowering } from "../node-context.ts";
import { sizeOf } from "../values.ts";

/** Rows by columns, 1 where `holds` says so. */
function positions(rows: number, cols: number, holds: (row: number, col: number) => boolean): Float64Array {
  return Float64Array.from({ length: rows * cols }, (_, i) => Number(holds(Math.floor(i / cols), i % cols)));
}

const trilu: Lowering = (ctx) => {
  const { b } = ctx;
  const x = ctx.input(0);
  const [rows = 1, cols = 1] = x.dims.slice(-2);
  const k = ctx.optional(1) ? (ctx.numbers(1, "the diagonal")[0] ?? 0) : 0;
  const upper = ctx.int("upper", 1) === 1;
  const data = positions(rows, cols, (row, col) => (upper ? col - row >= k : col - row <= k));
  const mask = b.known({ type: OnnxType.BOOL, dims: [rows, cols], data });
  const zero = b.scalar(0, x.type);
  const y = b.temp(x.type, x.dims);
  if (sizeOf(x.dims) > 0) b.emit(selectCall({ condition: mask.dims, a: x.dims, b: [], y: x.dims }), [mask, x, zero, y]);
  return [y];
};

const eyeLike: Lowering = (ctx) => {
  const x = ctx.input(0);
  const [rows = 1, cols = 1] = x.dims;
  const k = ctx.int("k", 0);
  const data = positions(rows, cols, (row, col) => col - row === k);
  return [ctx.b.known({ type: ctx.int("dtype", x.type), dims: [rows, cols], data })];
};

export const maskOps: Readonly<Record<string, Lowering>> = { Trilu: trilu, EyeLike: eyeLike };
