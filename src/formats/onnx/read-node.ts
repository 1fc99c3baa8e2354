// NodeProto and AttributeProto -> IR. Graphs inside attributes come back through a
// callback, so that this file and read-graph.ts do not import each other.
import { UnknownCollector, type ReadContext } from "./context.ts";
import type { AttributeValue, OnnxAttribute, OnnxGraph, OnnxNode, OnnxTensor } from "./ir.ts";
import { readTensor } from "./read-tensor.ts";
import { AttributeNumber, Field, Wire } from "./schema.ts";
import { decodeVarint, type FieldCursor, type Place, type Varint } from "./wire.ts";
import { markVerbatim } from "./verbatim.ts";

/** Attributes longer than this keep lists of numbers and strings uninterpreted (tree ensembles). */
const maxListBytes = 1024 * 1024;

export type ReadGraph = (context: ReadContext, at: FieldCursor, place: Place, depth: number) => Promise<OnnxGraph>;

/** What hangs on external data is never written verbatim: the new file may lie elsewhere. */
function isExternal(value: AttributeValue): boolean {
  if (value.type === "tensor") return value.value.raw === undefined;
  if (value.type === "tensors") return value.value.some((tensor) => tensor.raw === undefined);
  if (value.type === "graph") return holdsExternal(value.value);
  return value.type === "graphs" && value.value.some(holdsExternal);
}
const holdsExternal = (graph: OnnxGraph): boolean =>
  graph.initializers.some((tensor) => tensor.raw === undefined) || graph.nodes.some((node) => node.raw === undefined);

export async function readNode(
  context: ReadContext,
  at: FieldCursor,
  place: Place,
  depth: number,
  readGraph: ReadGraph,
): Promise<OnnxNode> {
  const cursor = context.cursor(at.start, at.length, place);
  const unknown = new UnknownCollector(context);
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes: OnnxAttribute[] = [];
  let name = "";
  let opType = "";
  let domain = "";
  let docString: string | undefined;
  const F = Field.node;
  const base = place.label;
  while (await context.next(cursor)) {
    if (cursor.field === F.input) inputs.push(await context.text(cursor));
    else if (cursor.field === F.output) outputs.push(await context.text(cursor));
    else if (cursor.field === F.name) {
      name = await context.text(cursor);
      if (name !== "") place.label = `node "${name}" (${base})`;
    } else if (cursor.field === F.opType) opType = await context.text(cursor);
    else if (cursor.field === F.domain) domain = await context.text(cursor);
    else if (cursor.field === F.attribute) {
      const label = `attribute ${attributes.length} of ${place.label}`;
      attributes.push(await readAttribute(context, cursor, { label }, depth, readGraph));
    } else if (cursor.field === F.docString) {
      docString = await context.tryText(cursor);
      if (docString === undefined) unknown.add(cursor);
    } else unknown.add(cursor);
  }
  if (opType === "") throw context.fail(place, "no operator type", { node: name });
  const node: OnnxNode = {
    name,
    opType,
    // "ai.onnx" is another spelling of the default domain.
    domain: domain === "ai.onnx" ? "" : domain,
    inputs,
    outputs,
    attributes,
    ...(docString === undefined ? {} : { docString }),
    ...(await unknown.collected()),
    ...(attributes.some((a) => a.raw === undefined) ? {} : { raw: context.range(at.start, at.length) }),
  };
  markVerbatim(node, at.field, context.wholeField(at));
  return node;
}

async function readAttribute(
  context: ReadContext,
  at: FieldCursor,
  place: Place,
  depth: number,
  readGraph: ReadGraph,
): Promise<OnnxAttribute> {
  const cursor = context.cursor(at.start, at.length, place);
  const unknown = new UnknownCollector(context);
  const base = place.label;
  const skipLists = at.length > maxListBytes;
  let name = "";
  let number = 0;
  let isReference = false;
  let float: number | undefined;
  let int: bigint | undefined;
  let string: Uint8Array | undefined;
  let tensor: OnnxTensor | undefined;
  let graph: OnnxGraph | undefined;
  const floats: number[] = [];
  const ints: bigint[] = [];
  const strings: Uint8Array[] = [];
  const tensors: OnnxTensor[] = [];
  const graphs: OnnxGraph[] = [];
  const F = Field.attribute;
  const tensorHere = () => readTensor(context, cursor.here(), { label: `the tensor of ${place.label}` });
  const graphHere = () => readGraph(context, cursor, { label: `the graph of ${place.label}` }, depth + 1);
  const isList = (field: number) => field === F.floats || field === F.ints || field === F.strings;
  while (await (skipLists && isList(cursor.field) ? cursor.next() : context.next(cursor))) {
    const { field } = cursor;
    if (field === F.name) {
      name = await context.text(cursor);
      place.label = `attribute "${name}"${base.slice(base.indexOf(" of "))}`;
    } else if (field === F.type) number = cursor.integer();
    else if (field === F.float) {
      cursor.expect(Wire.fixed32);
      float = toFloats(await cursor.bytes())[0];
    } else if (field === F.int) int = cursor.bigint();
    else if (field === F.string) string = await context.copy(cursor);
    else if (field === F.tensor) {
      cursor.expect(Wire.bytes);
      if (tensor) throw cursor.fail("two tensors where one may be");
      tensor = await tensorHere();
    } else if (field === F.graph) {
      cursor.expect(Wire.bytes);
      if (graph) throw cursor.fail("two graphs where one may be");
      graph = await graphHere();
    } else if (field === F.tensors) {
      cursor.expect(Wire.bytes);
      tensors.push(await tensorHere());
    } else if (field === F.graphs) {
      cursor.expect(Wire.bytes);
      graphs.push(await graphHere());
    } else if (skipLists || !isList(field)) {
      unknown.add(cursor);
      if (field === F.refName) isReference = true;
    } else if (field === F.strings) strings.push(await context.copy(cursor));
    else if (field === F.floats) {
      if (cursor.wireType !== Wire.fixed32) cursor.expect(Wire.bytes);
      if (cursor.length % 4 !== 0) throw cursor.fail("floats cut short");
      context.count(cursor.length / 4, cursor);
      for (const value of toFloats(await cursor.bytes())) floats.push(value);
    } else if (cursor.wireType === Wire.varint) ints.push(cursor.bigint());
    else {
      cursor.expect(Wire.bytes);
      context.count(cursor.length, cursor);
      pushInts(await cursor.bytes(), ints, cursor);
    }
  }
  if (number === 0) {
    // Files of the first IR version carry no type: the field in use tells it.
    if (float !== undefined) number = AttributeNumber.float;
    else if (int !== undefined) number = AttributeNumber.int;
    else if (string) number = AttributeNumber.string;
    else if (tensor) number = AttributeNumber.tensor;
    else if (graph) number = AttributeNumber.graph;
    else if (floats.length > 0) number = AttributeNumber.floats;
    else if (ints.length > 0) number = AttributeNumber.ints;
    else if (strings.length > 0) number = AttributeNumber.strings;
    else if (tensors.length > 0) number = AttributeNumber.tensors;
    else if (graphs.length > 0) number = AttributeNumber.graphs;
  }
  const isLong =
    skipLists &&
    (number === AttributeNumber.floats || number === AttributeNumber.ints || number === AttributeNumber.strings);
  let value: AttributeValue;
  if (isReference || isLong) value = { type: "opaque", onnxType: number };
  else if (number === AttributeNumber.float) value = { type: "float", value: float ?? 0 };
  else if (number === AttributeNumber.int) value = { type: "int", value: int ?? 0n };
  else if (number === AttributeNumber.string) value = { type: "string", value: string ?? new Uint8Array(0) };
  else if (number === AttributeNumber.tensor) {
    if (!tensor) throw context.fail(place, "no tensor, though the type says so");
    value = { type: "tensor", value: tensor };
  } else if (number === AttributeNumber.graph) {
    if (!graph) throw context.fail(place, "no graph, though the type says so");
    value = { type: "graph", value: graph };
  } else if (number === AttributeNumber.floats) value = { type: "floats", value: floats };
  else if (number === AttributeNumber.ints) value = { type: "ints", value: ints };
  else if (number === AttributeNumber.strings) value = { type: "strings", value: strings };
  else if (number === AttributeNumber.tensors) value = { type: "tensors", value: tensors };
  else if (number === AttributeNumber.graphs) value = { type: "graphs", value: graphs };
  else value = { type: "opaque", onnxType: number };
  const attribute: OnnxAttribute = {
    name,
    value,
    ...(await unknown.collected()),
    ...(isExternal(value) ? {} : { raw: context.range(at.start, at.length) }),
  };
  markVerbatim(attribute, at.field, context.wholeField(at));
  return attribute;
}

function toFloats(bytes: Uint8Array): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from({ length: bytes.length >> 2 }, (_, i) => view.getFloat32(4 * i, true));
}

function pushInts(bytes: Uint8Array, ints: bigint[], cursor: FieldCursor): void {
  const varint: Varint = { low: 0, high: 0, size: 0 };
  for (let at = 0; at < bytes.length; at += varint.size) {
    decodeVarint(bytes, at, varint);
    if (varint.size === 0) throw cursor.fail("a number that does not end");
    ints.push(BigInt.asIntN(64, (BigInt(varint.high) << 32n) | BigInt(varint.low)));
  }
}
