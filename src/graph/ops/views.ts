// Operators that only rearrange elements, as strided views of their input: one description for the host and the
// device. Shapes and rules as in ONNX's operator documentation.
import { stridesOf } from "../../kernels/nn/broadcast.ts";
import type { NodeContext } from "../node-context.ts";
import { sizeOf } from "../values.ts";

/** Element i of the output, counted over `box` in row-major order, is input element start + sum i_k strides_k. */
export interface View {
  readonly dims: readonly number[];
  /** Row-major, as many elements as `dims`, but cut into dims that strides can describe. */
  readonly box: readonly number[];
  readonly start: number;
  readonly strides: readonly number[];
}

/** Views that a node's outputs are of its first input. */
export type ViewRule = (ctx: NodeContext) => readonly View[];

/** The same elements in the same order. */
export const reshaped = (dims: readonly number[]): View => {
  const size = sizeOf(dims);
  return { dims, box: [size], start: 0, strides: [1] };
};

/** Whether a view is the whole input in its own order, so that no copy is needed. */
export const isReshape = ({ box, start, strides }: View): boolean =>
  start === 0 && stridesOf(box).every((stride, i) => box[i] === 1 || strides[i] === stride);

export function transposed(dims: readonly number[], order: readonly number[]): View {
  const own = stridesOf(dims);
  const to = order.map((axis) => dims[axis] ?? 1);
  return { dims: to, box: to, start: 0, strides: order.map((axis) => own[axis] ?? 1) };
}

export function expanded(dims: readonly number[], to: readonly number[]): View {
  const own = stridesOf(dims);
  const lead = to.length - dims.length;
  return {
    dims: to,
    box: to,
    start: 0,
    strides: to.map((_, i) => (dims[i - lead] === to[i] ? (own[i - lead] ?? 0) : 0)),
  };
}

/** The elements from `start` on, `step` apart, `count` of them, along one axis. */
export function sliced(dims: readonly number[], axis: number, start: number, count: number, step = 1): View {
  const own = stridesOf(dims);
  const to = dims.with(axis, count);
  return {
    dims: to,
    box: to,
    start: start * (own[axis] ?? 1),
    strides: own.map((stride, i) => (i === axis ? stride * step : stride)),
  };
}

const axesFrom = (ctx: NodeContext, rank: number, index = 1): readonly number[] | undefined => {
  const given = ctx.ints("axes") ?? (ctx.optional(index) ? ctx.numbers(index, "the axes") : undefined);
  return given?.map((axis) => ctx.axis(axis, rank));
};

const reshape: ViewRule = (ctx) => {
  const { dims } = ctx.input(0);
  const wanted = ctx.ints("shape") ?? ctx.numbers(1, "the new shape");
  const keepsZero = ctx.int("allowzero", 0) === 1;
  const known = wanted.map((dim, i) => (dim === 0 && !keepsZero ? (dims[i] ?? 0) : dim));
  const rest = known.reduce((product, dim) => (dim === -1 ? product : product * dim), 1);
  const to = known.map((dim) => (dim === -1 ? sizeOf(dims) / Math.max(1, rest) : dim));
  if (to.some((dim) => !Number.isInteger(dim) || dim < 0) || sizeOf(to) !== sizeOf(dims)) {
    throw ctx.mismatch(`[${dims.join()}] can't be reshaped to [${wanted.join()}].`);
  }
  return [reshaped(to)];
};

const flatten: ViewRule = (ctx) => {
  const { dims } = ctx.input(0);
  const given = ctx.int("axis", 1);
  const axis = given < 0 ? given + dims.length : given;
  return [reshaped([sizeOf(dims.slice(0, axis)), sizeOf(dims.slice(axis))])];
};

const squeeze: ViewRule = (ctx) => {
  const { dims } = ctx.input(0);
  const axes = axesFrom(ctx, dims.length);
  for (const axis of axes ?? []) {
    if (dims[axis] !== 1) throw ctx.mismatch(`axis ${axis} of [${dims.join()}] is not 1.`);
  }
  return [reshaped(dims.filter((dim, i) => (axes ? !axes.includes(i) : dim !== 1)))];
};

const unsqueeze: ViewRule = (ctx) => {
  const { dims } = ctx.input(0);
  const given = ctx.ints("axes") ?? ctx.numbers(1, "the axes");
  const rank = dims.length + given.length;
  const axes = new Set(given.map((axis) => ctx.axis(axis, rank)));
  const rest = [...dims];
  return [reshaped(Array.from({ length: rank }, (_, i) => (axes.has(i) ? 1 : (rest.shift() ?? 1))))];
};

const transpose: ViewRule = (ctx) => {
  const { dims } = ctx.input(0);
  const order = ctx.ints("perm") ?? dims.map((_, i) => dims.length - 1 - i);
  if (order.length !== dims.length) throw ctx.mismatch(`[${dims.join()}] has no order ${order.join()}.`);
  return [transposed(dims, order)];
};

const expand: ViewRule = (ctx) => {
  const { dims } = ctx.input(0);
  return [expanded(dims, ctx.broadcast(dims, ctx.numbers(1, "the shape to expand to")))];
};

const slice: ViewRule = (ctx) => {
  const { dims } = ctx.input(0);
  const starts = ctx.ints("starts") ?? ctx.numbers(1, "the starts");
  const ends = ctx.ints("ends") ?? ctx.numbers(2, "the ends");
  const axes = ctx.ints("axes") ?? (ctx.optional(3) ? ctx.numbers(3, "the axes") : starts.map((_, i) => i));
  const steps = ctx.optional(4) ? ctx.numbers(4, "the steps") : starts.map(() => 1);
  const own = stridesOf(dims);
  const to = [...dims];
  const strides = [...own];
  let first = 0;
  for (const [i, given] of axes.entries()) {
    const axis = ctx.axis(given, dims.length);
    const dim = dims[axis] ?? 1;
    const step = steps[i] ?? 1;
    if (step === 0) throw ctx.mismatch("a step of 0 gets nowhere.");
    const bound = (at: number, low: number, high: number) => Math.min(Math.max(at < 0 ? at + dim : at, low), high);
    const start = step > 0 ? bound(starts[i] ?? 0, 0, dim) : bound(starts[i] ?? 0, 0, dim - 1);
    const end = step > 0 ? bound(ends[i] ?? dim, 0, dim) : bound(ends[i] ?? -1, -1, dim - 1);
    to[axis] = Math.max(0, Math.ceil((end - start) / step));
    first += start * (own[axis] ?? 1);
    strides[axis] = (own[axis] ?? 1) * step;
  }
  return [{ dims: to, box: to, start: sizeOf(to) === 0 ? 0 : first, strides }];
};

const split: ViewRule = (ctx) => {
  const { dims } = ctx.input(0);
  const axis = ctx.axis(ctx.int("axis", 0), dims.length);
  const dim = dims[axis] ?? 1;
  const parts = ctx.int("num_outputs") ?? ctx.node.outputs.length;
  const each = Math.ceil(dim / parts);
  const equal = Array.from({ length: parts }, (_, i) => Math.min(each, dim - i * each));
  const sizes = ctx.ints("split") ?? (ctx.optional(1) ? ctx.numbers(1, "the sizes") : equal);
  if (sizes.reduce((sum, size) => sum + size, 0) !== dim) {
    throw ctx.mismatch(`parts of ${sizes.join()} do not make up axis ${axis} of [${dims.join()}].`);
  }
  let start = 0;
  return sizes.map((size) => {
    const view = sliced(dims, axis, start, size);
    start += size;
    return view;
  });
};

const tile: ViewRule = (ctx) => {
  const { dims } = ctx.input(0);
  const repeats = ctx.numbers(1, "the repeats");
  const own = stridesOf(dims);
  return [
    {
      dims: dims.map((dim, i) => dim * (repeats[i] ?? 1)),
      box: dims.flatMap((dim, i) => [repeats[i] ?? 1, dim]),
      start: 0,
      strides: own.flatMap((stride) => [0, stride]),
    },
  ];
};

const depthToSpace: ViewRule = (ctx) => {
  const { dims } = ctx.input(0);
  const [n = 1, c = 1, h = 1, w = 1] = dims;
  const side = ctx.int("blocksize", 1);
  const depth = c / side ** 2;
  const crd = ctx.text("mode") === "CRD";
  const from = crd ? [n, depth, side, side, h, w] : [n, side, side, depth, h, w];
  const { box, strides } = transposed(from, crd ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2]);
  return [{ dims: [n, depth, h * side, w * side], box, start: 0, strides }];
};

const spaceToDepth: ViewRule = (ctx) => {
  const { dims } = ctx.input(0);
  const [n = 1, c = 1, h = 1, w = 1] = dims;
  const side = ctx.int("blocksize", 1);
  const { box, strides } = transposed([n, c, h / side, side, w / side, side], [0, 3, 5, 1, 2, 4]);
  return [{ dims: [n, c * side ** 2, h / side, w / side], box, start: 0, strides }];
};

const same: ViewRule = (ctx) => [reshaped(ctx.input(0).dims)];

export const viewRules: Readonly<Record<string, ViewRule>> = {
  Identity: same,
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  Expand: expand,
  Slice: slice,
  Split: split,
  Tile: tile,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
};

/** Calls `visit` with the input position of each output element, in order. */
export function forEachPosition({ box, start, strides }: View, visit: (position: number, at: number) => void): void {
  const index = box.map(() => 0);
  let position = start;
  const count = sizeOf(box);
  for (let at = 0; at < count; at++) {
    visit(position, at);
    for (let axis = box.length - 1; axis >= 0; axis--) {
      const next = (index[axis] ?? 0) + 1;
      const stride = strides[axis] ?? 0;
      if (next < (box[axis] ?? 1)) {
        index[axis] = next;
        position += stride;
        break;
      }
      index[axis] = 0;
      position -= stride * (next - 1);
    }
  }
}
