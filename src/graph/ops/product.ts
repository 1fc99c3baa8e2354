// Matrix products: MatMul, Gemm and their fused forms.
import { InternalError } from "../../base/errors.ts";
import { batchedMatmulCall, matmulShape, type MatmulOptions } from "../../kernels/matmul/batched.ts";
import type { GraphBuilder } from "../builder.ts";
import type { Lowering, NodeContext } from "../node-context.ts";
import { sizeOf, type Value } from "../values.ts";
import { inPanels } from "./panels.ts";
import { rowPieces, type Piece } from "./pieces.ts";
import { concat, filled, takeView } from "./shared.ts";
import { sliced } from "./views.ts";

type ProductOptions = Omit<MatmulOptions, "bias"> & { readonly bias?: Value };

/**
 * op(A) op(B) over broadcast batches, with alpha, beta times bias and activation. A constant B that is larger than one
 * binding is multiplied in pieces.
 */
export function product(b: GraphBuilder, x: Value, z: Value, options: ProductOptions = {}): Value {
  const pieces = z.dims.length === 2 ? rowPieces(b, z) : undefined;
  if (pieces) return options.transB ? columnsApart(b, x, pieces, options) : sumOfPieces(b, x, pieces, options);
  const { bias, ...rest } = options;
  const { shape, dims } = matmulShape(x.dims, z.dims, { ...rest, ...(bias ? { bias: bias.dims } : {}) });
  // A sum over nothing is zero, and there is nothing to bind.
  if (shape.k === 0) return filled(b, 0, x.type, dims);
  const y = b.temp(x.type, dims);
  if (sizeOf(dims) === 0) return y;
  const panels = inPanels(b, shape, z);
  b.emit(batchedMatmulCall(panels?.shape ?? shape, b.target), [x, panels?.weight ?? z, bias ?? b.none(), y]);
  return y;
}

/** Each piece of B has some of the columns of the result. */
function columnsApart(b: GraphBuilder, x: Value, pieces: readonly Piece[], options: ProductOptions): Value {
  const { bias, ...rest } = options;
  const all = pieces.reduce((sum, { count }) => sum + count, 0);
  const parts = pieces.map(({ start, count, value }) => {
    const last = (bias?.dims.length ?? 0) - 1;
    const own = bias && bias.dims[last] === all ? takeView(b, bias, sliced(bias.dims, last, start, count)) : bias;
    return product(b, x, value, { ...rest, ...(own ? { bias: own } : {}) });
  });
  return concat(b, parts, (parts[0]?.dims.length ?? 1) - 1);
}

/** Each piece of B meets some of the columns of A; the sum so far is the bias of the next product. */
function sumOfPieces(b: GraphBuilder, x: Value, pieces: readonly Piece[], options: ProductOptions): Value {
  const { activation, ...rest } = options;
  const { transA, alpha } = rest;
  const axis = transA ? x.dims.length - 2 : x.dims.length - 1;
  const all = pieces.reduce((count, piece) => count + piece.count, 0);
  if (x.dims[axis] !== all) {
    throw new InternalError(`[${x.dims.join(", ")}] can't be multiplied by a matrix of ${all} rows.`);
  }
  let sum: Value | undefined;
  for (const [i, { start, count, value }] of pieces.entries()) {
    const part = takeView(b, x, sliced(x.dims, axis, start, count));
    sum = product(b, part, value, {
      ...(sum
        ? { bias: sum, beta: 1, ...(transA ? { transA } : {}), ...(alpha === undefined ? {} : { alpha }) }
        : rest),
      ...(activation && i === pieces.length - 1 ? { activation } : {}),
    });
  }
  return sum ?? filled(b, 0, x.type, [...x.dims]);
}

/** Tells apart operands that do not fit, in the node's words. */
function checked(ctx: NodeContext, run: () => Value): readonly Value[] {
  try {
    return [run()];
  } catch (error) {
    if (error instanceof InternalError) throw ctx.mismatch(error.message);
    throw error;
  }
}

/** A product that takes in a bias and an activation behind it. */
export function fusable(b: GraphBuilder, x: Value, z: Value, options: Parameters<typeof product>[3] = {}): Value {
  const y = product(b, x, z, options);
  const columns = y.dims.at(-1) ?? 1;
  const isBias = ({ dims }: Value): boolean =>
    dims.length <= y.dims.length && (sizeOf(dims) === 1 || (sizeOf(dims) === columns && dims.at(-1) === columns));
  return {
    ...y,
    fusion: {
      activate: (activation) => product(b, x, z, { ...options, activation }),
      ...(options.bias
        ? {}
        : {
            add: (bias) => (isBias(bias) ? fusable(b, x, z, { ...options, bias: flat(b, bias), beta: 1 }) : undefined),
          }),
    },
  };
}

const flat = (b: GraphBuilder, bias: Value): Value => b.reshape(bias, [sizeOf(bias.dims)]);

const matMul: Lowering = (ctx) => checked(ctx, () => fusable(ctx.b, ctx.input(0), ctx.input(1)));

const gemm: Lowering = (ctx) => {
  const bias = ctx.optional(2);
  return checked(ctx, () =>
    fusable(ctx.b, ctx.input(0), ctx.input(1), {
      transA: ctx.int("transA", 0) !== 0,
      transB: ctx.int("transB", 0) !== 0,
      alpha: ctx.float("alpha", 1),
      beta: ctx.float("beta", 1),
      ...(bias ? { bias } : {}),
    }),
  );
};

const fusedMatMul: Lowering = (ctx) => {
  if (ctx.int("transBatchA", 0) !== 0 || ctx.int("transBatchB", 0) !== 0) {
    throw ctx.unsupported("transposed batches can't be run.", "Export the model without onnxruntime's fusions.");
  }
  return checked(ctx, () =>
    fusable(ctx.b, ctx.input(0), ctx.input(1), {
      transA: ctx.int("transA", 0) !== 0,
      transB: ctx.int("transB", 0) !== 0,
      alpha: ctx.float("alpha", 1),
    }),
  );
};

export const productOps: Readonly<Record<string, Lowering>> = { MatMul: matMul, Gemm: gemm };
export const microsoftProducts: Readonly<Record<string, Lowering>> = { FusedMatMul: fusedMatMul };
