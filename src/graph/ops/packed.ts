// Operators on packed weights: products with blocks of 2, 4 or 8 bits and with NF4 and FP4 tables, and embeddings.
// Activations stay floats whatever accuracy_level allows.
import { byteLengthOf } from "../../base/dtypes.ts";
import { dtypeOf } from "../../formats/onnx/dtypes.ts";
import { OnnxType } from "../../formats/onnx/ir.ts";
import { blockMatmulCall, type BlockMatmulShape } from "../../kernels/matmul/block.ts";
import { fitsTable, tableMatmulCall } from "../../kernels/matmul/table.ts";
import { noActivation, type Activation } from "../../kernels/nn/activation.ts";
import { gatherBlocksCall } from "../../kernels/nn/gather-blocks.ts";
import type { Bits } from "../../kernels/quantize/affine-rule.ts";
import { tableDecodeCall } from "../../kernels/quantize/table-decode.ts";
import type { GraphBuilder } from "../builder.ts";
import type { Lowering, NodeContext } from "../node-context.ts";
import { isFloatType, sizeOf, type Value } from "../values.ts";
import { codeTypeOf, packedBytesOf } from "./decode.ts";
import { fusable, product } from "./product.ts";
import { reduceAxes } from "./reduction.ts";
import { rowPieces, someRows, type Piece } from "./pieces.ts";
import { binary, concat, filled, place, takeView, unary } from "./shared.ts";
import { sliced } from "./views.ts";

/** The bytes of a weight. @throws UnsupportedError where a run computes it */
function packedInput(ctx: NodeContext, index: number, what: string): Value {
  const packed = packedBytesOf(ctx.b, ctx.input(index));
  if (packed) return packed;
  throw ctx.unsupported(`${what} are not a constant of the model.`, "Keep packed weights as initializers.");
}

/** The bytes of some rows of a packed input that has `rows` of them, whatever its dims. */
function packedRows(ctx: NodeContext, index: number, { start, count }: Piece, rows: number, what: string): Value {
  const value = ctx.input(index);
  if (count === rows) return packedInput(ctx, index, what);
  const bytes = value.tensor ? byteLengthOf(dtypeOf(value.type), sizeOf(value.dims)) : 0;
  const flat = { ...value, dims: [rows, bytes / rows] };
  const part = value.tensor && packedBytesOf(ctx.b, someRows(flat, value.tensor, start, count, bytes / rows));
  if (part) return part;
  throw ctx.unsupported(`${what} are not a constant of the model.`, "Keep packed weights as initializers.");
}

function bitsOf(ctx: NodeContext, allowed: readonly Bits[]): Bits {
  const bits = ctx.int("bits", 4);
  const found = allowed.find((each) => each === bits);
  if (found) return found;
  throw ctx.unsupported(`weights of ${bits} bits can't be run.`, `Quantize to ${allowed.join(", ")} bits.`);
}

/** Rows of x, and the dims of the product. @throws FormatError for rows that are not K long */
function rowsOf(ctx: NodeContext, k: number, n: number): { readonly m: number; readonly dims: readonly number[] } {
  const { dims } = ctx.input(0);
  if (dims.at(-1) !== k) throw ctx.mismatch(`[${dims.join()}] does not fit K = ${k}.`);
  const lead = dims.slice(0, -1);
  return { m: sizeOf(lead), dims: [...lead, n] };
}

function sizesOf(ctx: NodeContext): { readonly n: number; readonly k: number; readonly blockSize: number } {
  const [n, k, blockSize] = ["N", "K", "block_size"].map((name) => ctx.int(name, 0));
  if (n && k && blockSize) return { n, k, blockSize };
  throw ctx.mismatch("it lacks N, K or block_size.");
}

const matMulNBits: Lowering = (ctx) => {
  const { b } = ctx;
  const { n, k, blockSize } = sizesOf(ctx);
  const bits = bitsOf(ctx, [2, 4, 8]);
  if (ctx.optional(4)) {
    throw ctx.unsupported("its g_idx orders groups freely.", "Quantize without activation order (desc_act).");
  }
  if (ctx.int("weight_prepacked", 0) !== 0) {
    throw ctx.unsupported("its weight is packed for one device.", "Save the model before onnxruntime packs it.");
  }
  const { m, dims } = rowsOf(ctx, k, n);
  const [x, scales, zeros, bias] = [ctx.input(0), ctx.input(2), ctx.optional(3), ctx.optional(5)];
  const realZeros = zeros !== undefined && isFloatType(zeros.type);
  const hasPackedZeros = zeros !== undefined && !realZeros;
  const blocks = Math.ceil(k / blockSize);
  if (sizeOf(scales.dims) !== n * blocks || sizeOf(ctx.input(1).dims) * 8 !== n * blocks * blockSize * bits) {
    throw ctx.mismatch(`codes and scales do not fit ${n} rows of ${blocks} blocks of ${blockSize}.`);
  }
  const scheme = hasPackedZeros ? "asymmetric" : "symmetric";
  const whole: Piece = { start: 0, count: n, value: ctx.input(1) };
  const pieces = rowPieces(b, whole.value, true) ?? [whole];
  const run = (parts: Pick<BlockMatmulShape, "activation">, added: Value | undefined): Value => {
    const columns = pieces.map((piece) => {
      const { start, count } = piece;
      const some = (value: Value, own: readonly number[]): Value =>
        takeView(b, b.reshape(value, own), sliced(own, 0, start, count));
      const packedZeros = hasPackedZeros ? packedRows(ctx, 3, piece, n, "its zero points") : b.none();
      const y = b.temp(x.type, [...dims.slice(0, -1), count]);
      if (m === 0) return y;
      const shape = { m, n: count, k, blockSize, bias: added !== undefined, ...parts };
      const call = blockMatmulCall(shape, { bits, signed: false, scheme }, b.target);
      const shift = added ? some(added, [n]) : b.none();
      const codes = packedRows(ctx, 1, piece, n, "its codes");
      b.emit(call, [codes, some(scales, [n, blocks]), packedZeros, x, shift, y]);
      return y;
    });
    const [first] = columns;
    return first && columns.length === 1 ? first : concat(b, columns, dims.length - 1);
  };
  if (zeros && realZeros) {
    const middle = 2 ** (bits - 1);
    const moved = binary(b, "mul", unary(b, "affine", zeros, { a: 1, b: -middle }), scales, zeros.dims);
    const sums = blockSums(b, b.reshape(x, [m, k]), blockSize);
    const less = product(b, sums, b.reshape(moved, [n, blocks]), { transB: true });
    return [binary(b, "sub", run({}, bias), b.reshape(less, dims), dims)];
  }
  const fusing = (added: Value | undefined): Value => ({
    ...run({}, added),
    fusion: {
      activate: (activation) => run({ activation }, added),
      ...(added
        ? {}
        : {
            add: (more) =>
              sizeOf(more.dims) === n && more.dims.at(-1) === n ? fusing(b.reshape(more, [n])) : undefined,
          }),
    },
  });
  return [fusing(bias)];
};

/**
 * Sums of each row over blocks, [m, blocks]. What a zero point z other than the middle code c takes from a product is
 * (z - c) * scale times the sum of its block of x.
 */
function blockSums(b: GraphBuilder, x: Value, blockSize: number): Value {
  const [m = 1, k = 1] = x.dims;
  const blocks = Math.ceil(k / blockSize);
  let whole = x;
  if (blocks * blockSize !== k) {
    whole = filled(b, 0, x.type, [m, blocks * blockSize]);
    place(b, x, whole, [0, 0]);
  }
  return reduceAxes(b, b.reshape(whole, [m, blocks, blockSize]), [2], "sum");
}

/** The weight stays packed where its rows lie on whole words, else it is decoded once, when the plan is prepared. */
const matMulBnb4: Lowering = (ctx) => {
  const { b } = ctx;
  const { n, k, blockSize } = sizesOf(ctx);
  if (blockSize % 8 !== 0) {
    throw ctx.unsupported(`blocks of ${blockSize} can't be run.`, "Use a block size that 8 divides.");
  }
  const { m, dims } = rowsOf(ctx, k, n);
  const [count, absmax] = [n * k, ctx.input(2)];
  if (sizeOf(absmax.dims) !== Math.ceil(count / blockSize) || sizeOf(ctx.input(1).dims) !== Math.ceil(count / 2)) {
    throw ctx.mismatch(`codes and absmax do not fit [${n}, ${k}] in blocks of ${blockSize}.`);
  }
  if (count >= 2 ** 31) {
    throw ctx.unsupported(`a table of ${count} codes is too large for one dispatch.`, "Cut the weight by rows.");
  }
  const transB = ctx.int("transB", 1) !== 0;
  const table = ctx.int("quant_type", 1) === 1 ? "nf4" : "fp4";
  const codes = packedInput(ctx, 1, "its codes");
  const shape = { m, n, k, blockSize, layout: "flat" } as const;
  if (transB && fitsTable(table, shape)) {
    const x = ctx.input(0);
    const fusing = (added?: Value): Value => {
      const run = (activation: Activation = noActivation): Value => {
        const y = b.temp(x.type, dims);
        if (m === 0) return y;
        const call = tableMatmulCall(table, { ...shape, bias: added !== undefined, activation }, b.target);
        b.emit(call, [codes, absmax, b.none(), b.none(), x, added ?? b.none(), y]);
        return y;
      };
      return { ...run(), fusion: { activate: run, ...(added ? {} : { add }) } };
    };
    const add = (more: Value): Value | undefined =>
      sizeOf(more.dims) === n && more.dims.at(-1) === n ? fusing(b.reshape(more, [n])) : undefined;
    return [fusing()];
  }
  const weight = b.temp(OnnxType.FLOAT, transB ? [n, k] : [k, n], ctx.input(1).name);
  b.emit(tableDecodeCall(table, count, blockSize), [codes, absmax, weight]);
  const y = fusable(b, ctx.input(0), weight, { transB });
  return [{ ...y, dims }];
};

const gatherBlockQuantized: Lowering = (ctx) => {
  const { b } = ctx;
  const [data, indices, scales, zeros] = [ctx.input(0), ctx.input(1), ctx.input(2), ctx.optional(3)];
  // Bytes hold codes as MatMulNBits has them: several to a byte of the last axis, around the middle code.
  const inBytes = data.type === OnnxType.UINT8;
  const kind = codeTypeOf(data.type);
  const bits = inBytes ? bitsOf(ctx, [2, 4, 8]) : (kind?.bits ?? 4);
  if (!kind) throw ctx.unsupported("its codes are no integers of 8 bits or fewer.", "Use uint8, int4 or uint4.");
  const width = (data.dims.at(-1) ?? 1) * (inBytes ? 8 / bits : 1);
  const dims = [...data.dims.slice(0, -1), width];
  const rank = dims.length;
  const axis = ctx.axis(ctx.int("gather_axis", 0), rank);
  const quantizeAxis = ctx.axis(ctx.int("quantize_axis", 1), rank);
  const blockSize = ctx.int("block_size", 128);
  const blocks = Math.ceil((dims[quantizeAxis] ?? 1) / blockSize);
  if (scales.dims.join() !== dims.with(quantizeAxis, blocks).join()) {
    throw ctx.mismatch(`scales [${scales.dims.join()}] do not fit [${dims.join()}] in blocks of ${blockSize}.`);
  }
  if (inBytes && bits < 8 && zeros && quantizeAxis !== rank - 1) {
    throw ctx.unsupported("its zero points are packed across blocks.", "Quantize along the last axis.");
  }
  const y = b.temp(scales.type, [...dims.slice(0, axis), ...indices.dims, ...dims.slice(axis + 1)]);
  const shape = { ...ctx.split(dims, axis), picks: sizeOf(indices.dims) };
  const along = ctx.split(dims, quantizeAxis);
  const call = gatherBlocksCall(
    shape,
    { dim: along.axis, inner: along.inner, blockSize },
    {
      bits,
      signed: kind.signed,
      zero: inBytes ? 2 ** (bits - 1) : 0,
      ...(zeros ? { zeroPoints: inBytes && bits < 8 ? ("byte-rows" as const) : ("flat" as const) } : {}),
    },
  );
  const packedZeros = zeros ? packedInput(ctx, 3, "its zero points") : b.none();
  b.emit(call, [packedInput(ctx, 0, "its codes"), indices, scales, packedZeros, y]);
  return [y];
};

export const microsoftPackedOps: Readonly<Record<string, Lowering>> = {
  MatMulNBits: matMulNBits,
  MatMulBnb4: matMulBnb4,
  GatherBlockQuantized: gatherBlockQuantized,
};
