// TensorProto -> OnnxTensor. Whatever field holds the elements, they come out packed and little-endian:
// raw_data and packed float_data or double_data already are; varint fields are decoded.
import { byteLengthOf, elementCount, type DType } from "../../base/dtypes.ts";
import { FormatError } from "../../base/errors.ts";
import { UnknownCollector, inlineBytes, type ReadContext } from "./context.ts";
import { findDType } from "./dtypes.ts";
import type { OnnxTensor, TensorData } from "./ir.ts";
import { Field, Wire } from "./schema.ts";
import { decodePacked, openVarints, type VarintWidth } from "./varints.ts";
import { markVerbatim } from "./verbatim.ts";
import type { FieldCursor, FieldPlace, Place } from "./wire.ts";

const F = Field.tensor;
const maxRank = 64;
const lazyVarintBytes = 1024 * 1024;

/** Element types that each typed field may hold, as onnx.proto says. */
const holds: Readonly<Record<number, readonly DType[]>> = {
  [F.floatData]: ["f32", "c64"],
  [F.doubleData]: ["f64", "c128"],
  [F.int64Data]: ["i64"],
  [F.uint64Data]: ["u32", "u64"],
  [F.stringData]: ["string"],
  [F.int32Data]: [
    ...(["i32", "i16", "u16", "i8", "u8", "bool", "f16", "bf16", "i4", "u4", "i2", "u2", "f4e2m1"] as const),
    ...(["f8e4m3fn", "f8e4m3fnuz", "f8e5m2", "f8e5m2fnuz", "f8e8m0"] as const),
  ],
};
const names: Readonly<Record<number, string>> = {
  [F.floatData]: "float_data",
  [F.doubleData]: "double_data",
  [F.int64Data]: "int64_data",
  [F.uint64Data]: "uint64_data",
  [F.int32Data]: "int32_data",
  [F.stringData]: "string_data",
  [F.rawData]: "raw_data",
};

/** Bytes of one decoded element of a varint field; sub-byte types come several to a byte-sized element. */
const varintWidth = (dtype: DType): VarintWidth => {
  const bytes = byteLengthOf(dtype, 1);
  return bytes === 8 || bytes === 4 || bytes === 2 ? bytes : 1;
};

/** Bytes that arrive one element a field, gathered in a buffer that doubles. */
class Gathered {
  #bytes = new Uint8Array(256);
  #length = 0;

  push(piece: Uint8Array): void {
    if (this.#length + piece.length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#length + piece.length, 2 * this.#bytes.length));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(piece, this.#length);
    this.#length += piece.length;
  }

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}

/** The field that held elements: one range of the file, or gathered pieces of it, or strings. */
interface Elements {
  readonly field: number;
  range: { start: number; length: number } | undefined;
  gathered: Gathered | undefined;
  strings: Uint8Array[];
}

export async function readTensor(context: ReadContext, at: FieldPlace, place: Place): Promise<OnnxTensor> {
  const cursor = context.cursor(at.start, at.length, place);
  const unknown = new UnknownCollector(context);
  const dims: number[] = [];
  const external = new Map<string, string>();
  let elements: Elements | undefined;
  let name = "";
  let dataType = 0;
  let isExternal = false;
  let docString: string | undefined;
  while (cursor.field in holds && cursor.field !== F.stringData ? await cursor.next() : await context.next(cursor)) {
    if (cursor.field === F.dims) await readDims(context, cursor, dims);
    else if (cursor.field === F.dataType) dataType = cursor.integer();
    else if (cursor.field === F.name) {
      name = await context.text(cursor);
      if (name !== "") place.label = `tensor "${name}"`;
    } else if (cursor.field === F.rawData || cursor.field in holds) {
      elements ??= { field: cursor.field, range: undefined, gathered: undefined, strings: [] };
      if (elements.field !== cursor.field) {
        throw cursor.fail(`both ${names[elements.field]} and ${names[cursor.field]}`);
      }
      await addElements(context, cursor, elements);
    } else if (cursor.field === F.externalData) await readEntry(context, cursor, external);
    else if (cursor.field === F.dataLocation) isExternal = cursor.integer() === 1;
    else if (cursor.field === F.docString) {
      docString = await context.tryText(cursor);
      if (docString === undefined) unknown.add(cursor);
    } else unknown.add(cursor);
  }
  const dtype = findDType(dataType);
  if (!dtype) throw context.fail(place, `the unknown element type ${dataType}`, { tensor: name });
  const count = elementCount(dims);
  const expected = byteLengthOf(dtype, count);
  if (!Number.isSafeInteger(count) || !Number.isSafeInteger(expected)) {
    throw context.fail(place, `dims [${dims.join(", ")}] whose product is beyond 2^53`, { tensor: name });
  }
  let data: TensorData;
  if (isExternal) {
    if (dtype === "string") throw context.fail(place, "strings in external data", { tensor: name });
    data = await context.external.resolve(external, expected, name);
  } else data = await settle(context, elements, dtype, count, place);
  const tensor: OnnxTensor = {
    name,
    dataType,
    dims,
    data,
    ...(docString === undefined ? {} : { docString }),
    ...(await unknown.collected()),
    ...(isExternal ? {} : { raw: context.range(at.start, at.length) }),
  };
  markVerbatim(tensor, at.field, context.wholeField(at));
  return tensor;
}

async function readDims(context: ReadContext, cursor: FieldCursor, dims: number[]): Promise<void> {
  if (cursor.wireType === Wire.varint) dims.push(cursor.integer());
  else {
    cursor.expect(Wire.bytes);
    if (cursor.length > 10 * maxRank) throw cursor.fail("more dims than any tensor has");
    const packed = decodePacked(await cursor.bytes(), 8, context.file);
    const view = new DataView(packed.buffer);
    for (let at = 0; at < packed.length; at += 8) dims.push(Number(view.getBigInt64(at, true)));
  }
  const bad = dims.find((dim) => dim < 0 || !Number.isSafeInteger(dim));
  if (bad !== undefined) throw cursor.fail(`the dim ${bad}`);
  if (dims.length > maxRank) throw cursor.fail("more dims than any tensor has");
}

/** One StringStringEntryProto; the last value of a key counts. */
export async function readEntry(context: ReadContext, at: FieldCursor, entries: Map<string, string>): Promise<void> {
  at.expect(Wire.bytes);
  const cursor = context.cursor(at.start, at.length, at.place);
  let key = "";
  let value = "";
  while (await context.next(cursor)) {
    if (cursor.field === Field.entry.key) key = await context.text(cursor);
    else if (cursor.field === Field.entry.value) value = await context.text(cursor);
  }
  entries.set(key, value);
}

async function addElements(context: ReadContext, cursor: FieldCursor, elements: Elements): Promise<void> {
  const { field } = elements;
  if (field === F.stringData) {
    elements.strings.push(await context.copy(cursor));
    return;
  }
  if (field === F.rawData) {
    cursor.expect(Wire.bytes);
    elements.range = { start: cursor.start, length: cursor.length };
    return;
  }
  const single = field === F.floatData ? Wire.fixed32 : field === F.doubleData ? Wire.fixed64 : Wire.varint;
  if (cursor.wireType !== single) cursor.expect(Wire.bytes);
  if (cursor.wireType === Wire.bytes && !elements.range && !elements.gathered) {
    elements.range = { start: cursor.start, length: cursor.length };
    return;
  }
  if (!elements.gathered) {
    elements.gathered = new Gathered();
    if (elements.range) {
      elements.gathered.push(await context.window.get(elements.range.start, elements.range.length));
      elements.range = undefined;
    }
  }
  elements.gathered.push(await cursor.bytes());
}

/** Elements as TensorData, their length checked against dims and type. */
async function settle(
  context: ReadContext,
  elements: Elements | undefined,
  dtype: DType,
  count: number,
  place: Place,
): Promise<TensorData> {
  const expected = byteLengthOf(dtype, count);
  const field = elements?.field ?? F.rawData;
  const mismatch = (bytes: number): FormatError =>
    context.fail(place, `${bytes} bytes of ${names[field]} where dims and type ask for ${expected}`);
  if (!elements) {
    if (dtype === "string" && count === 0) return { kind: "strings", values: [] };
    if (expected !== 0 || dtype === "string") throw mismatch(0);
    return { kind: "bytes", bytes: new Uint8Array(0) };
  }
  if (field === F.rawData ? dtype === "string" : !holds[field]?.includes(dtype)) {
    throw context.fail(place, `${names[field]} in a tensor of type ${dtype}`);
  }
  if (dtype === "string") {
    if (elements.strings.length !== count) {
      throw context.fail(place, `${elements.strings.length} strings where dims ask for ${count}`);
    }
    return { kind: "strings", values: elements.strings };
  }
  const { range } = elements;
  if (field === F.rawData || field === F.floatData || field === F.doubleData) {
    const length = range?.length ?? elements.gathered?.bytes.length ?? 0;
    if (length !== expected) throw mismatch(length);
    if (!range) return { kind: "bytes", bytes: elements.gathered?.bytes.slice() ?? new Uint8Array(0) };
    if (length > inlineBytes) return { kind: "range", range: context.range(range.start, length) };
    return { kind: "bytes", bytes: (await context.window.get(range.start, length)).slice() };
  }
  const width = varintWidth(dtype);
  const name = `${context.file}: ${place.label}`;
  if (range && range.length > lazyVarintBytes) {
    const { source, signal } = context.window;
    const varints = await openVarints(source, range.start, range.length, width, name, signal);
    if (varints.size !== expected) throw mismatch(varints.size);
    return { kind: "range", range: { source: varints, offset: 0, length: expected } };
  }
  const payload = range
    ? await context.window.get(range.start, range.length)
    : (elements.gathered?.bytes ?? new Uint8Array(0));
  const bytes = decodePacked(payload, width, name);
  if (bytes.length !== expected) throw mismatch(bytes.length);
  return { kind: "bytes", bytes };
}
