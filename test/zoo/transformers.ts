// What transformers are made of: products with a bias, norms (as one operator or as primitives), embeddings, attention
// as exporters write it, with shapes computed from the input's so that batch and sequence stay open.
import type { GraphBuilder, Operand, Value } from "./graph-builder.ts";
import { even, unit } from "./moments.ts";
import { dimOf, reduceMean, reshape, softmax, transpose, valueOf } from "./operators.ts";
import type { LinearOptions } from "./convolutions.ts";
import { drawBias, drawMatrix, drawRows, transposed } from "./weights.ts";

/** What is added for positions that may not be looked at. */
export const lowest = -3.4028234663852886e38;

/** MatMul with a [in, out] weight, then Add: nn.Linear of a sequence. */
export function linear(b: GraphBuilder, x: Value, { name, out, bias = true, gain = 1 }: LinearOptions): Value {
  return b.scope(name, () => {
    const drawn = drawMatrix(b.random("weight"), x, out, gain);
    const weight = b.parameter("weight", [x.width, out], () => transposed(drawn().values, out, x.width));
    const product = b.node("MatMul", [x, weight]);
    if (!bias) return valueOf(product, out, () => drawn().moments);
    const shift = drawBias(b.random("bias"), drawn, gain);
    const shifts = b.parameter("bias", [out], () => shift().values);
    return valueOf(b.node("Add", [shifts, product]), out, () => shift().moments);
  });
}

export interface LayerNormOptions {
  readonly name: string;
  /** Default 1e-5. */
  readonly epsilon?: number;
}

/** Over the last axis: one operator from operator set 17 on, primitives before. */
export function layerNorm(b: GraphBuilder, x: Value, { name, epsilon = 1e-5 }: LayerNormOptions): Value {
  return b.scope(name, () => {
    const [scales, offsets] = [b.random("weight"), b.random("bias")];
    const weight = b.parameter("weight", [x.width], () => scales.normals(x.width, 1, 0.15));
    const bias = b.parameter("bias", [x.width], () => offsets.normals(x.width, 0, 0.1));
    if (b.opset >= 17) {
      return valueOf(b.node("LayerNormalization", [x, weight, bias], { axis: -1n, epsilon }), x.width, unit(x.width));
    }
    const centred = b.node("Sub", [x, reduceMean(b, x, [-1])]);
    const variance = reduceMean(b, b.node("Pow", [centred, b.float(2)]), [-1]);
    const deviation = b.node("Sqrt", [b.node("Add", [variance, b.float(epsilon)])]);
    const scaled = b.node("Mul", [b.node("Div", [centred, deviation]), weight]);
    return valueOf(b.node("Add", [scaled, bias]), x.width, unit(x.width));
  });
}

/** Root mean square norm in primitives, as LLaMA's is exported. */
export function rmsNorm(b: GraphBuilder, x: Value, { name, epsilon = 1e-5 }: LayerNormOptions): Value {
  return b.scope(name, () => {
    const scales = b.random("weight");
    const weight = b.parameter("weight", [x.width], () => scales.normals(x.width, 1, 0.15));
    const square = reduceMean(b, b.node("Pow", [x, b.float(2)]), [-1]);
    const root = b.node("Reciprocal", [b.node("Sqrt", [b.node("Add", [square, b.float(epsilon)])])]);
    return valueOf(b.node("Mul", [weight, b.node("Mul", [x, root])]), x.width, unit(x.width));
  });
}

/** A table of vectors; its name, to gather from or to share. */
export const embedding = (b: GraphBuilder, name: string, rows: number, width: number, deviation = 0.3): string =>
  b.scope(name, () => {
    const random = b.random("weight");
    return b.parameter("weight", [rows, width], () => drawRows(random, rows, width, deviation));
  });

/** Rows of a table by ids. */
export const lookUp = (b: GraphBuilder, table: string, ids: Operand, width: number, deviation = 0.3): Value =>
  valueOf(b.node("Gather", [table, ids]), width, even(width, 0, deviation ** 2));

/** Logits by the transposed embedding that the tokens came from. */
export const tiedHead = (b: GraphBuilder, x: Value, table: string, vocabulary: number): Value =>
  valueOf(b.node("MatMul", [x, transpose(b, table, 1, 0)]), vocabulary, unit(vocabulary));

/** [batch, length, heads * size] to [batch, heads, length, size]; keys for the scores to [.., size, length]. */
export function splitHeads(b: GraphBuilder, x: Value, heads: number, role: "query" | "key" = "query"): string {
  const parts = [dimOf(b, x, 0), dimOf(b, x, 1), heads, x.width / heads];
  const split = reshape(b, x, parts);
  return role === "query" ? transpose(b, split, 0, 2, 1, 3) : transpose(b, split, 0, 2, 3, 1);
}

/** [batch, heads, length, size] back to [batch, length, width]. */
export function mergeHeads(b: GraphBuilder, x: string, width: number): Value {
  const rows = transpose(b, x, 0, 2, 1, 3);
  const merged = reshape(b, rows, [dimOf(b, rows, 0), dimOf(b, rows, 1), width]);
  return valueOf(merged, width, even(width, 0, 0.4));
}

export interface Attention {
  /** [batch, heads, queries, size] */
  readonly query: string;
  /** [batch, heads, size, keys] */
  readonly key: string;
  /** [batch, heads, keys, size] */
  readonly value: string;
  readonly size: number;
  /** Where 1 / √size goes: a division of the scores, or √ of it to both operands as scaled_dot_product_attention has. */
  readonly scaling: "scores" | "operands" | "none";
  /** Masks, biases. */
  readonly adjust?: (scores: string) => string;
}

/** Softmax(QK / √size) V, heads still apart. */
export function attend(b: GraphBuilder, { query, key, value, size, scaling, adjust }: Attention): string {
  const scores = ((): string => {
    if (scaling === "operands") {
      const root = b.float(size ** -0.25);
      return b.node("MatMul", [b.node("Mul", [query, root]), b.node("Mul", [key, root])]);
    }
    const product = b.node("MatMul", [query, key]);
    return scaling === "scores" ? b.node("Div", [product, b.float(Math.sqrt(size))]) : product;
  })();
  return b.node("MatMul", [softmax(b, adjust ? adjust(scores) : scores), value]);
}
