// onnxruntime's MatMulBnb4, fed with an identity matrix, decodes our NF4 and FP4 bytes: its numbers must be those
// of our reference, bit for bit. (Its CPU provider takes blocks of 16 to 256.)
import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { tableBlockReference } from "../../src/kernels/quantize/table-block.ref.ts";
import { tableBlockCall, tableBytes } from "../../src/kernels/quantize/table-block.ts";
import { tableDecodeReference } from "../../src/kernels/quantize/table-decode.ref.ts";
import { tableDecodeCall } from "../../src/kernels/quantize/table-decode.ts";
import { tableNumber, type TableName } from "../../src/kernels/quantize/tables.ts";
import { bytesOf, contents, weights } from "../support/float-data.ts";
import { tinyModel } from "../support/tiny-onnx.ts";

const onnxFloat = 1;
const onnxUint8 = 2;

interface Encoded {
  readonly codes: Uint8Array;
  readonly absmax: Uint8Array;
  readonly decoded: Float32Array;
}

function encode(table: TableName, values: Float32Array, blockSize: number): Encoded {
  const count = values.length;
  const sizes = tableBytes(count, blockSize);
  const codes = new Uint8Array(Math.ceil(sizes.codes / 4) * 4);
  const absmax = new Uint8Array(sizes.absmax);
  const decoded = new Float32Array(count);
  tableBlockReference(tableBlockCall(table, count, blockSize).params, [bytesOf(values), codes, absmax]);
  tableDecodeReference(tableDecodeCall(table, count, blockSize).params, [
    codes,
    absmax,
    new Uint8Array(decoded.buffer),
  ]);
  return { codes: codes.slice(0, sizes.codes), absmax, decoded };
}

/** What onnxruntime makes of B [rows, cols]: identity times B transposed, turned back. */
async function decodeByOnnxruntime(
  table: TableName,
  { codes, absmax }: Encoded,
  [rows, cols]: readonly [number, number],
  blockSize: number,
): Promise<Float32Array> {
  const bytes = tinyModel({
    opType: "MatMulBnb4",
    domain: "com.microsoft",
    inputs: ["a", "b", "absmax"],
    attributes: { K: cols, N: rows, block_size: blockSize, quant_type: tableNumber(table) },
    initializers: [
      { name: "b", type: onnxUint8, dims: [codes.length], bytes: codes },
      { name: "absmax", type: onnxFloat, dims: [absmax.length / 4], bytes: absmax },
    ],
    input: { name: "a", type: onnxFloat, dims: [cols, cols] },
    output: { name: "y", type: onnxFloat, dims: [cols, rows] },
  });
  const session = await InferenceSession.create(bytes, { executionProviders: ["cpu"] });
  const identity = Float32Array.from({ length: cols * cols }, (_, i) => (i % (cols + 1) === 0 ? 1 : 0));
  const { y } = await session.run({ a: new Tensor("float32", identity, [cols, cols]) });
  const data = y?.data;
  if (!(data instanceof Float32Array)) throw new Error("onnxruntime gave no floats");
  await session.release();
  return Float32Array.from({ length: rows * cols }, (_, i) => data[(i % cols) * rows + Math.floor(i / cols)] ?? NaN);
}

const cases: readonly (readonly [TableName, number, number, number])[] = [
  ["nf4", 48, 64, 64],
  ["nf4", 5, 77, 64],
  ["nf4", 3, 33, 16],
  ["nf4", 64, 130, 256],
  ["fp4", 48, 64, 64],
  ["fp4", 5, 77, 32],
  ["fp4", 9, 41, 128],
];

describe("MatMulBnb4", () => {
  it.each(cases)("decodes our %s, %i x %i in blocks of %i", async (table, rows, cols, blockSize) => {
    const encoded = encode(table, weights(rows * cols), blockSize);
    expect(await decodeByOnnxruntime(table, encoded, [rows, cols], blockSize)).toEqual(encoded.decoded);
  });

  const finite = contents(20 * 33).filter(([name]) => !/NaN|any bits/.test(name));
  it.each(finite)("decodes both tables of %s", async (_name, values) => {
    for (const table of ["nf4", "fp4"] as const) {
      const encoded = encode(table, values, 64);
      // Sums of 0 * x + value lose the sign of zero.
      const got = (await decodeByOnnxruntime(table, encoded, [20, 33], 64)).map((x) => x || 0);
      expect(got).toEqual(encoded.decoded);
    }
  });
});
