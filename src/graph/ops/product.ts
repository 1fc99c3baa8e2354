// Matrix products: MatMul, Gemm and their fused forms.
import { InternalError } from "../../base/errors.ts";
import { batchedMatmulCall, matmulShape, type MatmulOptions } from "../../kernels/matmul/batched.ts";
import type { GraphBuilder } from "../builder.ts";
import type { Lowering, NodeContext } from "../node-context.ts";
import { sizeOf, type Value } from "../values.ts";
import { filled } from "./shared.ts";

/** op(A) op(B) over broadcast batches, with alpha, beta times bias and activation. */
export function product(
  b: GraphBuilder,
  x: Value,
  z: Value,
  options: Omit<MatmulOptions, "bias"> & { readonly bias?: Value } = {},
): Value {
  const { bias, ...rest } = options;
  const { shape, dims } = matmulShape(x.dims, z.dims, { ...rest, ...(bias ? { bias: bias.dims } : {}) });
  // A sum over nothing is zero, and there is nothing to bind.
  if (shape.k === 0) return filled(b, 0, x.type, dims);
  const y = b.temp(x.type, dims);
  if (sizeOf(dims) > 0) b.emit(batchedMatmulCall(shape, b.target), [x, z, bias ?? b.none(), y]);
  return y;
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
