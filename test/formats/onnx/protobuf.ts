// Builds protobuf by hand, independently of the writer under test.
import { fromBytes } from "../../../src/formats/sources/memory.ts";

export type Bytes = readonly number[];

export function varint(value: number | bigint): Bytes {
  const out: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 127n) {
    out.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  return [...out, Number(rest)];
}

export const utf8 = (text: string): Bytes => [...new TextEncoder().encode(text)];
export const int = (field: number, value: number | bigint): Bytes => [...varint(field * 8), ...varint(value)];
export const block = (field: number, ...parts: readonly Bytes[]): Bytes => {
  const payload = parts.flat();
  return [...varint(field * 8 + 2), ...varint(payload.length), ...payload];
};
export const text = (field: number, value: string): Bytes => block(field, utf8(value));
export const float32 = (value: number): Bytes => [...new Uint8Array(Float32Array.of(value).buffer)];
export const float64 = (value: number): Bytes => [...new Uint8Array(Float64Array.of(value).buffer)];
export const fixed32 = (field: number, value: number): Bytes => [...varint(field * 8 + 5), ...float32(value)];
export const fixed64 = (field: number, value: number): Bytes => [...varint(field * 8 + 1), ...float64(value)];

/** A tensor's content: name, type, dims, then the given fields. */
export const tensor = (name: string, dataType: number, dims: readonly number[], ...fields: readonly Bytes[]): Bytes => [
  ...dims.flatMap((dim) => int(1, dim)),
  ...int(2, dataType),
  ...text(8, name),
  ...fields.flat(),
];
export const initializer = (...parts: Parameters<typeof tensor>): Bytes => block(5, tensor(...parts));
export const node = (
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  ...fields: readonly Bytes[]
): Bytes =>
  block(1, ...inputs.map((name) => text(1, name)), ...outputs.map((name) => text(2, name)), text(4, opType), ...fields);
export const input = (name: string): Bytes => block(11, text(1, name));
export const output = (name: string): Bytes => block(12, text(1, name));
export const model = (...graph: readonly Bytes[]): Uint8Array =>
  Uint8Array.from([...int(1, 10), ...block(7, ...graph), ...block(8, int(2, 21))]);
export const source = (bytes: Uint8Array, siblings?: Readonly<Record<string, Uint8Array>>) =>
  fromBytes("test.onnx", bytes, siblings ? { siblings } : {});
export const external = (entries: Readonly<Record<string, string>>): Bytes => [
  ...Object.entries(entries).flatMap(([key, value]) => block(13, text(1, key), text(2, value))),
  ...int(14, 1),
];
