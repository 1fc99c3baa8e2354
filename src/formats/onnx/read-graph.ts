// GraphProto -> OnnxGraph, graphs within attributes of its nodes included.
import { UnknownCollector, type ReadContext } from "./context.ts";
import type { OnnxGraph, OnnxNode, OnnxTensor, ValueInfo } from "./ir.ts";
import { readNode } from "./read-node.ts";
import { readTensor } from "./read-tensor.ts";
import { readValueInfo } from "./read-value-info.ts";
import { Field, Wire, maxGraphDepth } from "./schema.ts";
import type { FieldCursor, Place } from "./wire.ts";

/** @throws FormatError for anything malformed, and where graphs nest deeper than `maxGraphDepth` */
export async function readGraph(
  context: ReadContext,
  at: FieldCursor,
  place: Place,
  depth: number,
): Promise<OnnxGraph> {
  if (depth > maxGraphDepth) throw context.fail(place, `graphs nested deeper than ${maxGraphDepth}`);
  const cursor = context.cursor(at.start, at.length, place);
  const unknown = new UnknownCollector(context);
  const nodes: OnnxNode[] = [];
  const initializers: OnnxTensor[] = [];
  const inputs: ValueInfo[] = [];
  const outputs: ValueInfo[] = [];
  const valueInfo: ValueInfo[] = [];
  const sparseNames: string[] = [];
  let name = "";
  let docString: string | undefined;
  const F = Field.graph;
  const where = depth === 0 ? "" : depth === 1 ? ` in ${place.label}` : ` in a graph ${depth} levels deep`;
  while (await context.next(cursor)) {
    const { field } = cursor;
    if (field === F.node) {
      cursor.expect(Wire.bytes);
      nodes.push(await readNode(context, cursor, { label: `node ${nodes.length}${where}` }, depth, readGraph));
    } else if (field === F.initializer) {
      cursor.expect(Wire.bytes);
      const label = `initializer ${initializers.length}${where}`;
      const tensor = await readTensor(context, cursor.here(), { label });
      if (tensor.name === "") throw context.fail({ label }, "no name");
      initializers.push(tensor);
    } else if (field === F.input || field === F.output || field === F.valueInfo) {
      cursor.expect(Wire.bytes);
      const list = field === F.input ? inputs : field === F.output ? outputs : valueInfo;
      const kind = field === F.input ? "input" : field === F.output ? "output" : "value info";
      list.push(await readValueInfo(context, cursor, { label: `${kind} ${list.length}${where}` }));
    } else if (field === F.name) name = await context.text(cursor);
    else if (field === F.docString) {
      docString = await context.tryText(cursor);
      if (docString === undefined) unknown.add(cursor);
    } else {
      unknown.add(cursor);
      if (field === F.sparseInitializer) sparseNames.push(await readSparseName(context, cursor));
    }
  }
  return {
    name,
    nodes,
    initializers,
    inputs,
    outputs,
    valueInfo,
    ...(docString === undefined ? {} : { docString }),
    ...(sparseNames.length > 0 ? { sparseNames } : {}),
    ...(await unknown.collected()),
  };
}

/** The value that a SparseTensorProto defines: the name of its `values` tensor. */
async function readSparseName(context: ReadContext, at: FieldCursor): Promise<string> {
  at.expect(Wire.bytes);
  const sparse = context.cursor(at.start, at.length, at.place);
  let name = "";
  while (await context.next(sparse)) {
    if (sparse.field !== Field.sparse.values) continue;
    sparse.expect(Wire.bytes);
    const values = context.cursor(sparse.start, sparse.length, at.place);
    while (await context.next(values)) if (values.field === Field.tensor.name) name = await context.text(values);
  }
  return name;
}
