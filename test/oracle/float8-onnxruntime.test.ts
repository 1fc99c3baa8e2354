// FP8 conversions against onnxruntime: Cast to an 8-bit float and back (opset 19, saturating), over
// every midpoint of the format, its neighbours and random numbers.
import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import {
  decodeMicrofloat,
  e4m3fn,
  e4m3fnuz,
  e5m2,
  e5m2fnuz,
  encodeMicrofloat,
  microfloatTable,
  type Microfloat,
} from "../../src/base/microfloat.ts";
import { weights } from "../kernels/quantize/float-fixtures.ts";

type Field = readonly [number, number | string | Uint8Array];

/** The smallest protobuf writer: varints, strings and nested messages. */
function message(...fields: readonly Field[]): Uint8Array {
  const out: number[] = [];
  const varint = (n: number): void => {
    for (let rest = n; ; rest = Math.floor(rest / 128)) {
      out.push((rest % 128) | (rest >= 128 ? 128 : 0));
      if (rest < 128) return;
    }
  };
  for (const [number, value] of fields) {
    if (typeof value === "number") {
      varint(number * 8);
      varint(value);
    } else {
      const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
      varint(number * 8 + 2);
      varint(bytes.length);
      out.push(...bytes);
    }
  }
  return Uint8Array.from(out);
}

const floatType = 1;

/** y = Cast(Cast(x, to), float), shape [n]. */
function castModel(to: number, n: number): Uint8Array {
  const value = (name: string): Uint8Array => {
    const shape = message([1, message([1, n])]);
    return message([1, name], [2, message([1, message([1, floatType], [2, shape])])]);
  };
  const cast = (from: string, into: string, type: number): Uint8Array =>
    message([1, from], [2, into], [4, "Cast"], [5, message([1, "to"], [3, type], [20, 2])]);
  const graph = message(
    [1, cast("x", "narrow", to)],
    [1, cast("narrow", "y", floatType)],
    [2, "g"],
    [11, value("x")],
    [12, value("y")],
  );
  return message([1, 9], [7, graph], [8, message([1, ""], [2, 19])]);
}

function inputs(format: Microfloat): Float32Array {
  const values = [...microfloatTable(format)].filter(Number.isFinite).toSorted((a, b) => a - b);
  const middles = values.slice(1).map((x, at) => (x + (values[at] ?? 0)) / 2);
  const near = middles.flatMap((x) => [x, x * (1 + 2 ** -23), x * (1 - 2 ** -24)]);
  return Float32Array.from([
    ...values,
    ...near,
    ...weights(2000, 3),
    ...weights(2000, 4).map((x) => x * 5000),
    1e6,
    -1e9,
  ]);
}

describe("onnxruntime Cast", () => {
  // Element types of TensorProto: 17 FLOAT8E4M3FN, 18 E4M3FNUZ, 19 E5M2, 20 E5M2FNUZ.
  it.each([
    { format: e4m3fn, type: 17 },
    { format: e4m3fnuz, type: 18 },
    { format: e5m2, type: 19 },
    { format: e5m2fnuz, type: 20 },
  ])("agrees on $format.name", async ({ format, type }) => {
    const x = inputs(format);
    const session = await InferenceSession.create(castModel(type, x.length));
    const { y } = await session.run({ x: new Tensor("float32", x, [x.length]) });
    const theirs = y?.data as Float32Array;
    expect(theirs.length).toBe(x.length);
    for (const [at, value] of x.entries()) {
      const ours = decodeMicrofloat(format, encodeMicrofloat(format, value));
      expect(`${value} -> ${theirs[at]}`).toBe(`${value} -> ${ours}`);
    }
    await session.release();
  });
});
