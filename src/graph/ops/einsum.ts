// Einsum: operand by operand, each pair as one batched product of matrices. A label that both have and that is
// wanted later counts batches; one that is not is summed over.
import { stridesOf } from "../../kernels/nn/broadcast.ts";
import type { GraphBuilder } from "../builder.ts";
import type { Lowering, NodeContext } from "../node-context.ts";
import { isFloatType, sizeOf, type Value } from "../values.ts";
import { product } from "./product.ts";
import { reduceAxes } from "./reduction.ts";
import { binary, takeView, transpose } from "./shared.ts";

interface Term {
  readonly value: Value;
  /** One for each axis. */
  readonly labels: readonly string[];
}

const isLetter = (label: string): boolean => /^[A-Za-z]$/.test(label);

/** Labels of a term; those that an ellipsis stands for are numbered from the last. */
function labelsOf(text: string, rank: number): readonly string[] {
  const [before = "", after] = text.split("...");
  if (after === undefined) return [...text];
  const hidden = rank - before.length - after.length;
  return [...before, ...Array.from({ length: hidden }, (_, i) => `.${hidden - 1 - i}`), ...after];
}

/** Operands with a label for each axis, and the labels of the result. @throws FormatError */
function parse(ctx: NodeContext): { terms: readonly Term[]; wanted: readonly string[] } {
  const equation = (ctx.text("equation") ?? "").replaceAll(" ", "");
  const [left = "", right] = equation.split("->");
  const values = ctx.inputs();
  const texts = left.split(",");
  if (texts.length !== values.length) throw ctx.mismatch(`"${equation}" is not for ${values.length} inputs.`);
  const terms = values.map((value, i): Term => ({ value, labels: labelsOf(texts[i] ?? "", value.dims.length) }));
  const sizes = new Map<string, number>();
  for (const { value, labels } of terms) {
    if (labels.length !== value.dims.length) throw ctx.mismatch(`"${equation}" does not fit [${value.dims.join()}].`);
    for (const [i, label] of labels.entries()) {
      const [dim, known = 1] = [value.dims[i] ?? 1, sizes.get(label)];
      if (dim !== 1 && known !== 1 && dim !== known) throw ctx.mismatch(`"${label}" is both ${known} and ${dim}.`);
      sizes.set(label, Math.min(dim, known) === 0 ? 0 : Math.max(dim, known));
    }
  }
  const all = terms.flatMap(({ labels }) => labels);
  const hidden = [...new Set(all.filter((label) => !isLetter(label)))].toSorted(
    (p, q) => Number(q.slice(1)) - Number(p.slice(1)),
  );
  const once = [...new Set(all)].filter((label) => isLetter(label) && all.indexOf(label) === all.lastIndexOf(label));
  const wanted =
    right === undefined ? [...hidden, ...once.toSorted()] : labelsOf(right, hidden.length + right.length - 3);
  if (wanted.some((label) => !all.includes(label)))
    throw ctx.mismatch(`"${equation}" wants a label that no input has.`);
  return { terms, wanted };
}

/** Repeated labels walk a diagonal. */
function diagonal(b: GraphBuilder, { value, labels }: Term): Term {
  const unique = [...new Set(labels)];
  if (unique.length === labels.length) return { value, labels };
  const own = stridesOf(value.dims);
  const dims = unique.map((label) => value.dims[labels.indexOf(label)] ?? 1);
  const strides = unique.map((label) =>
    labels.reduce((sum, each, i) => (each === label ? sum + (own[i] ?? 0) : sum), 0),
  );
  return { value: takeView(b, value, { dims, box: dims, start: 0, strides }), labels: unique };
}

/** Sums over the labels that nothing else needs. */
function without(b: GraphBuilder, { value, labels }: Term, needed: ReadonlySet<string>): Term {
  const axes = [...labels.keys()].filter((axis) => !needed.has(labels[axis] ?? ""));
  if (axes.length === 0) return { value, labels };
  return { value: reduceAxes(b, value, axes, "sum"), labels: labels.filter((label) => needed.has(label)) };
}

function ordered(b: GraphBuilder, { value, labels }: Term, order: readonly string[]): Value {
  return transpose(
    b,
    value,
    order.map((label) => labels.indexOf(label)),
  );
}

function combine(ctx: NodeContext, left: Term, right: Term, needed: ReadonlySet<string>): Term {
  const { b } = ctx;
  const p = without(b, left, new Set([...needed, ...right.labels]));
  const q = without(b, right, new Set([...needed, ...left.labels]));
  const shared = p.labels.filter((label) => q.labels.includes(label));
  const batch = shared.filter((label) => needed.has(label));
  const summed = shared.filter((label) => !needed.has(label));
  const rows = p.labels.filter((label) => !shared.includes(label));
  const cols = q.labels.filter((label) => !shared.includes(label));
  const x = ordered(b, p, [...batch, ...rows, ...summed]);
  const z = ordered(b, q, [...batch, ...summed, ...cols]);
  const dimsOf = ({ value, labels }: Term, of: readonly string[]): number[] =>
    of.map((label) => value.dims[labels.indexOf(label)] ?? 1);
  const [depth, other] = [dimsOf(p, summed), dimsOf(q, summed)];
  if (depth.join() !== other.join()) {
    throw ctx.unsupported("it sums over an axis that is broadcast.", "Expand the operand first.");
  }
  const [m, n] = [dimsOf(p, rows), dimsOf(q, cols)];
  const [own, their] = [dimsOf(p, batch), dimsOf(q, batch)];
  const dims = ctx.broadcast(own, their);
  const k = sizeOf(depth);
  const merge = (of: readonly number[]): readonly number[] => (own.join() === their.join() ? [sizeOf(of)] : of);
  const [a, c] = [b.reshape(x, [...merge(own), sizeOf(m), k]), b.reshape(z, [...merge(their), k, sizeOf(n)])];
  const whole = !isFloatType(a.type);
  if (whole && summed.length > 0) throw ctx.unsupported("sums of integers can't be run.", "Cast the inputs to float.");
  const y =
    summed.length > 0
      ? product(b, a, c)
      : binary(b, whole ? "intMul" : "mul", a, c, [...merge(dims), sizeOf(m), sizeOf(n)]);
  return { value: b.reshape(y, [...dims, ...m, ...n]), labels: [...batch, ...rows, ...cols] };
}

const einsum: Lowering = (ctx) => {
  const { b } = ctx;
  const { terms, wanted } = parse(ctx);
  const [first, ...rest] = terms.map((term) => diagonal(b, term));
  if (!first) throw ctx.mismatch("it has no inputs.");
  let result = first;
  for (const [i, term] of rest.entries()) {
    const needed = new Set([...wanted, ...rest.slice(i + 1).flatMap(({ labels }) => labels)]);
    result = combine(ctx, result, term, needed);
  }
  return [ordered(b, without(b, result, new Set(wanted)), wanted)];
};

export const einsumOps: Readonly<Record<string, Lowering>> = { Einsum: einsum };
