// Pools over windows, and the indices of maxima.
import { OnnxType } from "../../formats/onnx/ir.ts";
import { maxPoolIndicesCall } from "../../kernels/nn/max-pool-indices.ts";
import { poolCall, type PoolOp } from "../../kernels/nn/pool.ts";
import type { Lowering, NodeContext } from "../node-context.ts";
import { isFloatType } from "../values.ts";
import { castTo } from "./elementwise.ts";
import { windowOf } from "./windows.ts";

const pool =
  (op: (ctx: NodeContext) => PoolOp): Lowering =>
  (ctx) => {
    const { b } = ctx;
    const given = ctx.input(0);
    // Pools of codes go by way of floats, which hold them exactly.
    const x = isFloatType(given.type) ? given : castTo(b, given, OnnxType.FLOAT);
    const { shape, padsEnd } = windowOf(ctx, x.dims);
    const y = b.temp(x.type, [shape.batch, shape.channels, ...shape.output]);
    b.emit(poolCall(shape, op(ctx), { padsEnd, p: ctx.int("p", 2) }), [x, y]);
    const result = castTo(b, y, given.type);
    if (!ctx.wants(1)) return [result];
    const indices = b.temp(OnnxType.INT64, y.dims);
    b.emit(maxPoolIndicesCall(shape, ctx.int("storage_order", 0) === 1), [x, indices]);
    return [result, indices];
  };

export const poolingOps: Readonly<Record<string, Lowering>> = {
  MaxPool: pool(() => "max"),
  AveragePool: pool((ctx) => (ctx.int("count_include_pad", 0) === 1 ? "averageWithPadding" : "average")),
  LpPool: pool(() => "lp"),
};
