// Finds the first node of a graph whose output is not finite while what it takes is: hooks that count NaN and
// infinities of every value in each run, and name the node where they arise.
//
// NaN is wrong wherever it arises. Infinities may be meant: masks hold them, as inputs or as constants. So an infinite
// input or constant is no error, and neither is what nodes make of it, until NaN comes out.
import { NonFiniteError } from "../base/errors.ts";
import { subgraphsOf } from "../formats/onnx/graphs.ts";
import type { OnnxNode } from "../formats/onnx/ir.ts";
import type { GraphBuilder } from "../graph/builder.ts";
import { coordinatesOf, countNonFinite, FiniteWatch, foldNonFinite, type NonFinite } from "../graph/finite-watch.ts";
import type { HookOutput, HookPoint, LoweringHooks } from "../graph/hooks.ts";
import { bufferBytes, isFloatType, sizeOf, type HostTensor, type Value } from "../graph/values.ts";

/** What is known of a value: the output that holds its counts, or the counts. */
type Counts = string | NonFinite;

interface Met {
  readonly at: HookPoint;
  readonly dims: readonly number[];
  readonly counts: Counts;
  /** Of what the node takes. */
  readonly operands: readonly Counts[];
}

/** Names the first node that makes NaN, or infinities out of finite numbers. Made anew for each program. */
export class FiniteCheck implements LoweringHooks {
  readonly #watch = new FiniteWatch("check-finite:");
  readonly #met: Met[] = [];
  /** By buffer, or by the constant itself. */
  readonly #counts = new Map<unknown, Counts>();
  readonly #operands = new Map<OnnxNode, Counts[]>();

  value(b: GraphBuilder, value: Value, at: HookPoint): Value | undefined {
    const { role, node } = at;
    if (!isFloatType(value.type) || sizeOf(value.dims) === 0) return undefined;
    if (role === "operand" && node) {
      const known = this.#counts.get(value.buffer) ?? (value.host && countNonFinite(value.host));
      if (known !== undefined) this.#takes(node, known);
      return undefined;
    }
    // What If, Loop and Scan give has been met within them.
    if (role === "output" && node && [...subgraphsOf(node)].length > 0) return undefined;
    const counts = this.#countsOf(b, value);
    if (counts === undefined) return undefined;
    if (role === "weight" && node) this.#takes(node, counts);
    const operands = role === "output" && node ? (this.#operands.get(node) ?? []) : [];
    this.#met.push({ at, dims: value.dims, counts, operands });
    if (role === "output" && node) this.#operands.delete(node);
    return value.buffer === undefined ? undefined : value;
  }

  outputs(): readonly HookOutput[] {
    return this.#watch.outputs();
  }

  inspect(read: (name: string) => HostTensor | undefined): void {
    const known = (counts: Counts): NonFinite => (typeof counts === "string" ? foldNonFinite(read(counts)) : counts);
    for (const { at, dims, counts, operands } of this.#met) {
      const found = known(counts);
      if (found.nan === 0 && found.infinite === 0) continue;
      const taken = operands.map(known);
      const arises =
        (found.nan > 0 && taken.every(({ nan }) => nan === 0)) ||
        (at.role === "output" && taken.every(({ nan, infinite }) => nan + infinite === 0));
      if (arises) throw nonFinite(at, dims, found);
    }
  }

  #takes(node: OnnxNode, counts: Counts): void {
    this.#operands.set(node, [...(this.#operands.get(node) ?? []), counts]);
  }

  /** Counts of a value, watched once for each buffer; undefined for a constant that no binding holds. */
  #countsOf(b: GraphBuilder, value: Value): Counts | undefined {
    const { buffer, host, tensor } = value;
    const key = buffer ?? tensor ?? host;
    const known = this.#counts.get(key);
    if (known !== undefined) return known;
    if (buffer === undefined && !host) {
      const most = b.target.limits?.maxStorageBufferBindingSize ?? Number.POSITIVE_INFINITY;
      if (bufferBytes(value.dims) > most) return undefined;
    }
    const counts = host && buffer === undefined ? countNonFinite(host) : this.#watch.watch(b, value);
    this.#counts.set(key, counts);
    return counts;
  }
}

function nonFinite(at: HookPoint, dims: readonly number[], { nan, infinite, first = 0 }: NonFinite): NonFiniteError {
  const { tensor, role, node } = at;
  const counted = `${nan} NaN and ${infinite} infinite elements, the first at ${coordinatesOf(first, dims)}`;
  const details = { tensor, count: nan + infinite, firstIndex: first };
  if (role === "input") {
    return new NonFiniteError(`Input "${tensor}" holds ${counted}.`, { hint: "Look at the data.", details });
  }
  const label = node ? `${node.opType} "${node.name || (node.outputs[0] ?? "")}"` : "a node";
  const where = { ...details, ...(node ? { node: node.name, op: node.opType } : {}) };
  if (role === "weight") {
    return new NonFiniteError(`Constant "${tensor}", which ${label} takes, holds ${counted}.`, {
      hint: "The model is broken before anything is computed: export it again, or look at its training.",
      details: where,
    });
  }
  return new NonFiniteError(`${label} is the first node to give what is not finite: "${tensor}" holds ${counted}.`, {
    hint: "What it takes is finite: look at its weights, and at the ranges of its inputs.",
    details: where,
  });
}
