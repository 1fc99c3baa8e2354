// Control flow whose decisions are known before the run: the branch or the iterations are laid out in place.
import { OnnxType } from "../../formats/onnx/ir.ts";
import type { Lowering, NodeContext } from "../node-context.ts";
import type { Value } from "../values.ts";
import { concat, takeView } from "./shared.ts";
import { sliced } from "./views.ts";

const branch: Lowering = (ctx) => {
  const [condition] = ctx.numbers(0, "the condition");
  return ctx.inline(ctx.graph(condition ? "then_branch" : "else_branch"), []);
};

/** More iterations than this are taken for a loop that never ends. */
const mostIterations = 100_000;

/** Values of equal shape, stacked along a new axis. */
function stacked(ctx: NodeContext, values: readonly Value[], axis: number, reversed: boolean): Value {
  const parts = values.map((value) => ctx.b.reshape(value, value.dims.toSpliced(axis, 0, 1)));
  return concat(ctx.b, reversed ? parts.toReversed() : parts, axis);
}

const loop: Lowering = (ctx) => {
  const body = ctx.graph("body");
  const trips = ctx.optional(0) ? (ctx.numbers(0, "the trip count")[0] ?? 0) : Number.POSITIVE_INFINITY;
  let goes = ctx.optional(1) ? ctx.numbers(1, "the loop's condition")[0] !== 0 : true;
  let state: readonly Value[] = Array.from({ length: ctx.inputCount - 2 }, (_, i) => ctx.input(i + 2));
  const collected: Value[][] = body.outputs.slice(1 + state.length).map(() => []);
  for (let i = 0; goes && i < trips; i++) {
    if (i >= mostIterations) throw ctx.unsupported(`it runs more than ${mostIterations} times.`, "Bound the loop.");
    const counter = ctx.b.scalar(i, OnnxType.INT64);
    const results = ctx.inline(body, [counter, ctx.b.scalar(1, OnnxType.BOOL), ...state]);
    const [condition] = results;
    state = results.slice(1, 1 + state.length);
    for (const [k, value] of results.slice(1 + state.length).entries()) collected[k]?.push(value);
    if (condition) goes = ctx.b.requireHost(condition, "the loop's condition").data[0] !== 0;
  }
  const scans = collected.map((values, k) => {
    if (values.length > 0) return stacked(ctx, values, 0, false);
    const declared = body.outputs[1 + state.length + k]?.tensor;
    const dims = declared?.dims?.map((dim) => (typeof dim === "number" ? dim : 0)) ?? [];
    return ctx.b.known({ type: declared?.dataType ?? OnnxType.FLOAT, dims: [0, ...dims], data: new Float64Array(0) });
  });
  return [...state, ...scans];
};

const scan: Lowering = (ctx) => {
  if (ctx.opset < 9) throw ctx.unsupported("Scan of operator set 8 has a batch axis.", "Raise the model's opset.");
  const body = ctx.graph("body");
  const scanned = ctx.int("num_scan_inputs") ?? 0;
  const states = ctx.inputCount - scanned;
  let state: readonly Value[] = Array.from({ length: states }, (_, i) => ctx.input(i));
  const inputs = Array.from({ length: scanned }, (_, i) => ctx.input(states + i));
  const flag = (name: string, i: number): number => ctx.ints(name)?.[i] ?? 0;
  const axes = inputs.map(({ dims }, i) => ctx.axis(flag("scan_input_axes", i), dims.length));
  const count = inputs[0]?.dims[axes[0] ?? 0] ?? 0;
  const collected: Value[][] = body.outputs.slice(states).map(() => []);
  for (let i = 0; i < count; i++) {
    const slices = inputs.map((x, k) => {
      const axis = axes[k] ?? 0;
      const at = flag("scan_input_directions", k) === 1 ? count - 1 - i : i;
      const cut = takeView(ctx.b, x, sliced(x.dims, axis, at, 1));
      return ctx.b.reshape(cut, x.dims.toSpliced(axis, 1));
    });
    const results = ctx.inline(body, [...state, ...slices]);
    state = results.slice(0, states);
    for (const [k, value] of results.slice(states).entries()) collected[k]?.push(value);
  }
  const scans = collected.map((values, k) => {
    const rank = (values[0]?.dims.length ?? 0) + 1;
    const axis = ctx.axis(flag("scan_output_axes", k), rank);
    return stacked(ctx, values, axis, flag("scan_output_directions", k) === 1);
  });
  return [...state, ...scans];
};

export const controlOps: Readonly<Record<string, Lowering>> = { If: branch, Loop: loop, Scan: scan };
