// ValueInfoProto -> ValueInfo. Types other than plain tensors stay uninterpreted.
import { UnknownCollector, type ReadContext } from "./context.ts";
import type { Dim, TensorType, ValueInfo } from "./ir.ts";
import { Field, Wire } from "./schema.ts";
import { markVerbatim } from "./verbatim.ts";
import type { FieldCursor, Place } from "./wire.ts";

export async function readValueInfo(context: ReadContext, at: FieldCursor, place: Place): Promise<ValueInfo> {
  const cursor = context.cursor(at.start, at.length, place);
  const unknown = new UnknownCollector(context);
  let name = "";
  let tensor: TensorType | undefined;
  let docString: string | undefined;
  while (await context.next(cursor)) {
    if (cursor.field === Field.valueInfo.name) {
      name = await context.text(cursor);
      place.label = `value "${name}"`;
    } else if (cursor.field === Field.valueInfo.type) {
      cursor.expect(Wire.bytes);
      tensor = await readType(context, cursor);
      if (!tensor) unknown.add(cursor);
    } else if (cursor.field === Field.valueInfo.docString) {
      docString = await context.tryText(cursor);
      if (docString === undefined) unknown.add(cursor);
    } else unknown.add(cursor);
  }
  if (name === "") throw context.fail(place, "no name");
  const info: ValueInfo = {
    name,
    ...(tensor ? { tensor } : {}),
    ...(docString === undefined ? {} : { docString }),
    ...(await unknown.collected()),
    raw: context.range(at.start, at.length),
  };
  markVerbatim(info, at.field, context.wholeField(at));
  return info;
}

/** A TypeProto of a plain tensor; undefined for sequences, maps, optionals and the rest. */
async function readType(context: ReadContext, at: FieldCursor): Promise<TensorType | undefined> {
  const cursor = context.cursor(at.start, at.length, at.place);
  let tensor: { dataType: number; dims?: Dim[]; dimDenotations?: (string | undefined)[] } | undefined;
  let denotation: string | undefined;
  while (await context.next(cursor)) {
    if (cursor.field === Field.type.denotation) denotation = await context.text(cursor);
    else if (cursor.field !== Field.type.tensor) return undefined;
    else {
      cursor.expect(Wire.bytes);
      tensor = await readTensorType(context, cursor);
    }
  }
  return tensor && { ...tensor, ...(denotation === undefined ? {} : { denotation }) };
}

async function readTensorType(context: ReadContext, at: FieldCursor) {
  const cursor = context.cursor(at.start, at.length, at.place);
  let dataType = 0;
  let dims: Dim[] | undefined;
  let denotations: (string | undefined)[] = [];
  while (await context.next(cursor)) {
    if (cursor.field === Field.tensorType.elemType) dataType = cursor.integer();
    else if (cursor.field === Field.tensorType.shape) {
      cursor.expect(Wire.bytes);
      dims = [];
      denotations = [];
      const shape = context.cursor(cursor.start, cursor.length, at.place);
      while (await context.next(shape)) {
        if (shape.field !== Field.shape.dim) continue;
        shape.expect(Wire.bytes);
        const { dim, denotation } = await readDim(context, shape);
        dims.push(dim);
        denotations.push(denotation);
      }
    }
  }
  const meant = denotations.some((denotation) => denotation !== undefined);
  return { dataType, ...(dims ? { dims } : {}), ...(meant ? { dimDenotations: denotations } : {}) };
}

async function readDim(context: ReadContext, at: FieldCursor): Promise<{ dim: Dim; denotation: string | undefined }> {
  const cursor = context.cursor(at.start, at.length, at.place);
  let dim: Dim;
  let denotation: string | undefined;
  while (await context.next(cursor)) {
    if (cursor.field === Field.dimension.value) {
      const value = cursor.integer();
      // Some exporters write -1 for "unknown".
      dim = value < 0 ? undefined : value;
    } else if (cursor.field === Field.dimension.param) dim = (await context.text(cursor)) || undefined;
    else if (cursor.field === Field.dimension.denotation) denotation = await context.text(cursor);
  }
  return { dim, denotation };
}
