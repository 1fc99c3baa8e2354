// Swin-T (Liu et al., 2021): attention within windows, every second block with the windows shifted (rolled by Slice and
// Concat, masked where the picture wraps), relative position biases gathered from a table, patches merged by fours.
import { gelu } from "./activations.ts";
import { even, unit } from "./moments.ts";
import { conv, gemm } from "./convolutions.ts";
import { zooEntry, type ZooOptions } from "./entry.ts";
import type { GraphBuilder, Value } from "./graph-builder.ts";
import { pictures } from "./images.ts";
import { add, dimOf, pad, reduceMean, renamed, reshape, slice, transpose, unsqueeze, valueOf } from "./operators.ts";
import { attend, layerNorm, linear } from "./transformers.ts";
import { relativeIndex, shiftMask } from "./windows.ts";

export interface SwinOptions extends ZooOptions {
  readonly classes: number;
  /** Fixed in the file. */
  readonly imageSize: number;
  readonly hidden: number;
  readonly depths: readonly number[];
  readonly heads: readonly number[];
  readonly window: number;
  readonly gelu: "op" | "erf";
}

/** Rows and columns moved by `by` towards the start; what leaves there comes back at the end. */
function rolled(b: GraphBuilder, x: Value, by: number): Value {
  let moved = x.name;
  for (const axis of [1, 2]) {
    const [tail, front] = [slice(b, moved, { axis, start: by }), slice(b, moved, { axis, start: 0, end: by })];
    moved = b.node("Concat", [tail, front], { axis: BigInt(axis) });
  }
  return renamed(x, moved);
}

interface Windows {
  readonly side: number;
  readonly window: number;
  readonly shift: number;
  readonly heads: number;
}

/** Attention of [batch, side, side, width], whose padding to whole windows the caller has seen to. */
function windowAttention(b: GraphBuilder, x: Value, { side, window, shift, heads }: Windows): Value {
  const [count, area, size] = [side / window, window * window, x.width / heads];
  const batch = dimOf(b, x, 0);
  const start = shift > 0 ? rolled(b, x, shift) : x;
  const cut = transpose(b, reshape(b, start, [batch, count, window, count, window, x.width]), 0, 1, 3, 2, 4, 5);
  const windows = renamed(x, reshape(b, cut, [-1, area, x.width]));
  const joint = reshape(b, linear(b, windows, { name: "qkv", out: 3 * x.width }), [-1, area, 3, heads, size]);
  const stacked = transpose(b, joint, 2, 0, 3, 1, 4);
  const part = (index: number): string => b.node("Gather", [stacked, b.int(index)], { axis: 0n });
  const query = b.node("Mul", [part(0), b.float(size ** -0.5)]);
  const adjust = (scores: string): string => {
    const biased = b.node("Add", [scores, positionBias(b, window, heads)]);
    if (shift === 0) return biased;
    const values = Float32Array.from(shiftMask(side, window, shift), (apart) => (apart ? -100 : 0));
    const mask = unsqueeze(
      b,
      b.buffer("attn_mask", [count * count, area, area], () => values),
      1,
    );
    const apart = reshape(b, biased, [batch, count * count, heads, area, area]);
    return reshape(b, b.node("Add", [apart, unsqueeze(b, mask, 0)]), [-1, heads, area, area]);
  };
  const key = transpose(b, part(1), 0, 1, 3, 2);
  const mixed = attend(b, { query, key, value: part(2), size, scaling: "none", adjust });
  const merged = reshape(b, transpose(b, mixed, 0, 2, 1, 3), [-1, area, x.width]);
  const out = linear(b, valueOf(merged, x.width, even(x.width, 0, 0.4)), {
    name: "proj",
    out: x.width,
    gain: 0.5,
  });
  const apart = transpose(b, reshape(b, out, [batch, count, count, window, window, x.width]), 0, 1, 3, 2, 4, 5);
  const whole = renamed(out, reshape(b, apart, [batch, side, side, x.width]));
  return shift > 0 ? rolled(b, whole, -shift) : whole;
}

function positionBias(b: GraphBuilder, window: number, heads: number): string {
  const [rows, area] = [(2 * window - 1) ** 2, window * window];
  const random = b.random("relative_position_bias_table");
  const table = b.parameter("relative_position_bias_table", [rows, heads], () => random.normals(rows * heads, 0, 0.5));
  const index = b.table("relative_position_index", [area * area], () => relativeIndex(window));
  const gathered = reshape(b, b.node("Gather", [table, index], { axis: 0n }), [area, area, heads]);
  return unsqueeze(b, transpose(b, gathered, 2, 0, 1), 0);
}

function block(b: GraphBuilder, x: Value, shape: Windows, form: SwinOptions["gelu"]): Value {
  const { side, window } = shape;
  const padded = Math.ceil(side / window) * window;
  const normed = layerNorm(b, x, { name: "norm1" });
  const missing = padded - side;
  const full = missing > 0 ? renamed(normed, pad(b, normed, [0, 0, 0, 0, 0, missing, missing, 0])) : normed;
  const shift = window >= padded ? 0 : shape.shift;
  let mixed = b.scope("attn", () => windowAttention(b, full, { ...shape, side: padded, shift }));
  if (missing > 0) {
    const rows = slice(b, mixed, { axis: 1, start: 0, end: side });
    mixed = renamed(mixed, slice(b, rows, { axis: 2, start: 0, end: side }));
  }
  const middle = add(b, x, mixed);
  const wide = gelu(form)(b, linear(b, layerNorm(b, middle, { name: "norm2" }), { name: "mlp.0", out: 4 * x.width }));
  return add(b, middle, linear(b, wide, { name: "mlp.3", out: x.width, gain: 0.5 }));
}

/** Every two by two patches become one of four times the width, halved by a product. */
function merge(b: GraphBuilder, x: Value): Value {
  const corner = (row: number, column: number): string =>
    slice(b, slice(b, x, { axis: 1, start: row, step: 2 }), { axis: 2, start: column, step: 2 });
  const corners = [corner(0, 0), corner(1, 0), corner(0, 1), corner(1, 1)];
  const joined = valueOf(b.node("Concat", corners, { axis: -1n }), 4 * x.width, unit(4 * x.width));
  return linear(b, layerNorm(b, joined, { name: "norm" }), { name: "reduction", out: 2 * x.width, bias: false });
}

export const swinTiny = zooEntry<SwinOptions>({
  name: "swin-tiny",
  family: "transformer",
  task: "image classification",
  defaults: {
    seed: 1,
    opset: 17,
    classes: 10,
    imageSize: 64,
    hidden: 12,
    depths: [2, 2, 2, 2],
    heads: [1, 2, 4, 8],
    window: 4,
    gelu: "erf",
  },
  published: {
    options: { classes: 1000, imageSize: 224, hidden: 96, depths: [2, 2, 6, 2], heads: [3, 6, 12, 24], window: 7 },
    parameters: 28_288_354,
  },
  otherSizes: [{ batch: 3 }],
  graph(b, { classes, imageSize, hidden, depths, heads, window, gelu: form }) {
    const image = valueOf(b.input("image", ["batch", 3, imageSize, imageSize]), 3, unit(3));
    const patches = conv(b, image, { name: "features.0.0", out: hidden, kernel: 4, stride: 4, padding: 0 });
    const laid = renamed(patches, transpose(b, patches, 0, 2, 3, 1));
    let x = layerNorm(b, laid, { name: "features.0.2" });
    let side = imageSize / 4;
    for (const [stage, depth] of depths.entries()) {
      if (stage > 0) {
        x = b.scope(`features.${2 * stage}`, () => merge(b, x));
        side /= 2;
      }
      for (let index = 0; index < depth; index++) {
        const shift = index % 2 === 0 ? 0 : Math.floor(window / 2);
        const shape = { side, window, shift, heads: heads[stage] ?? 1 };
        x = b.scope(`features.${2 * stage + 1}.${index}`, () => block(b, x, shape, form));
      }
    }
    x = layerNorm(b, x, { name: "norm" });
    const pooled = valueOf(reduceMean(b, x, [1, 2], false), x.width, even(x.width, 0, 0.3));
    b.output(gemm(b, pooled, { name: "head", out: classes, gain: 2 }), "logits", ["batch", classes]);
  },
  inputs: (make, { imageSize }, { batch = 2 }) => pictures(make, { batch, height: imageSize, width: imageSize }),
});
