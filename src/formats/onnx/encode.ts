// IR -> protobuf, as pieces. Objects that nobody changed are copied whole; the rest is encoded in the
// order of field numbers, repeated numbers unpacked as onnx.proto (proto2) declares them.
import { byteLengthOf, elementCount } from "../../base/dtypes.ts";
import { InternalError } from "../../base/errors.ts";
import { dtypeOf } from "./dtypes.ts";
import type {
  AttributeValue,
  OnnxAttribute,
  OnnxGraph,
  OnnxModel,
  OnnxNode,
  OnnxTensor,
  TensorData,
  ValueInfo,
} from "./ir.ts";
import { Pieces } from "./pieces.ts";
import { AttributeNumber, Field } from "./schema.ts";
import { verbatim } from "./verbatim.ts";

/** Where a tensor's elements go if not inline. */
export interface ExternalPlace {
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}

/** Decides for one tensor; undefined keeps its elements inline. Called once a tensor, in file order. */
export type PlaceTensor = (tensor: OnnxTensor, role: "initializer" | "attribute") => ExternalPlace | undefined;

/** Bytes of a tensor's elements in raw_data; 0 for strings. */
export function dataLength(data: TensorData): number {
  if (data.kind === "bytes") return data.bytes.length;
  if (data.kind === "range") return data.range.length;
  return data.kind === "pending" ? data.length : 0;
}

/** Appends the payload of a tensor's data. */
export function pushData(pieces: Pieces, data: TensorData): void {
  if (data.kind === "bytes" || data.kind === "pending") pieces.push(data);
  else if (data.kind === "range") pieces.push({ kind: "copy", range: data.range });
}

/** Appends an untouched object as it was; false where it must be encoded. */
function copied(into: Pieces, field: number, object: OnnxTensor | OnnxNode | OnnxAttribute | ValueInfo): boolean {
  const origin = verbatim(object, field);
  if (!origin) return false;
  if (origin.whole) into.raw(origin.whole);
  else {
    into.header(field, origin.payload.length);
    into.raw(origin.payload);
  }
  return true;
}

function encodeTensor(
  into: Pieces,
  field: number,
  tensor: OnnxTensor,
  role: "initializer" | "attribute",
  place: PlaceTensor,
): void {
  const external = place(tensor, role);
  if (!external && copied(into, field, tensor)) return;
  const { data } = tensor;
  const expected = byteLengthOf(dtypeOf(tensor.dataType), elementCount(tensor.dims));
  if (data.kind !== "strings" && dataLength(data) !== expected) {
    throw new InternalError(
      `Tensor "${tensor.name}" has ${dataLength(data)} bytes where its dims ask for ${expected}.`,
      {
        details: { tensor: tensor.name },
      },
    );
  }
  const F = Field.tensor;
  const out = new Pieces();
  for (const dim of tensor.dims) out.int(F.dims, dim);
  out.int(F.dataType, tensor.dataType);
  if (data.kind === "strings") for (const value of data.values) out.bytes(F.stringData, value);
  if (tensor.name !== "") out.text(F.name, tensor.name);
  if (data.kind !== "strings" && !external) {
    out.header(F.rawData, expected);
    pushData(out, data);
  }
  if (tensor.docString !== undefined) out.text(F.docString, tensor.docString);
  if (external) {
    for (const [key, value] of Object.entries(external)) out.message(F.externalData, entry(key, String(value)));
    out.int(F.dataLocation, 1);
  }
  out.unknown(tensor.unknown);
  into.message(field, out);
}

function entry(key: string, value: string): Pieces {
  const out = new Pieces();
  out.text(Field.entry.key, key);
  out.text(Field.entry.value, value);
  return out;
}

function encodeAttribute(into: Pieces, attribute: OnnxAttribute, place: PlaceTensor): void {
  const F = Field.attribute;
  if (copied(into, Field.node.attribute, attribute)) return;
  const { value } = attribute;
  const out = new Pieces();
  out.text(F.name, attribute.name);
  encodeValue(out, value, place);
  out.int(F.type, value.type === "opaque" ? value.onnxType : AttributeNumber[value.type]);
  out.unknown(attribute.unknown);
  into.message(Field.node.attribute, out);
}

function encodeValue(out: Pieces, value: AttributeValue, place: PlaceTensor): void {
  const F = Field.attribute;
  if (value.type === "float") out.float(F.float, value.value);
  else if (value.type === "int") out.int(F.int, value.value);
  else if (value.type === "string") out.bytes(F.string, value.value);
  else if (value.type === "tensor") encodeTensor(out, F.tensor, value.value, "attribute", place);
  else if (value.type === "graph") out.message(F.graph, encodeGraph(value.value, place));
  else if (value.type === "floats") {
    for (const item of value.value) out.float(F.floats, item);
  } else if (value.type === "ints") for (const item of value.value) out.int(F.ints, item);
  else if (value.type === "strings") for (const item of value.value) out.bytes(F.strings, item);
  else if (value.type === "tensors") {
    for (const item of value.value) encodeTensor(out, F.tensors, item, "attribute", place);
  } else if (value.type === "graphs") for (const item of value.value) out.message(F.graphs, encodeGraph(item, place));
}

function encodeNode(into: Pieces, node: OnnxNode, place: PlaceTensor): void {
  const F = Field.node;
  if (copied(into, Field.graph.node, node)) return;
  const out = new Pieces();
  for (const name of node.inputs) out.text(F.input, name);
  for (const name of node.outputs) out.text(F.output, name);
  if (node.name !== "") out.text(F.name, node.name);
  out.text(F.opType, node.opType);
  for (const attribute of node.attributes) encodeAttribute(out, attribute, place);
  if (node.docString !== undefined) out.text(F.docString, node.docString);
  if (node.domain !== "") out.text(F.domain, node.domain);
  out.unknown(node.unknown);
  into.message(Field.graph.node, out);
}

function encodeValueInfo(into: Pieces, field: number, info: ValueInfo): void {
  if (copied(into, field, info)) return;
  const out = new Pieces();
  out.text(Field.valueInfo.name, info.name);
  if (info.tensor) {
    const tensor = new Pieces();
    tensor.int(Field.tensorType.elemType, info.tensor.dataType);
    if (info.tensor.dims) {
      const shape = new Pieces();
      for (const [index, dim] of info.tensor.dims.entries()) {
        const dimension = new Pieces();
        if (typeof dim === "number") dimension.int(Field.dimension.value, dim);
        else if (dim !== undefined) dimension.text(Field.dimension.param, dim);
        const denotation = info.tensor.dimDenotations?.[index];
        if (denotation !== undefined) dimension.text(Field.dimension.denotation, denotation);
        shape.message(Field.shape.dim, dimension);
      }
      tensor.message(Field.tensorType.shape, shape);
    }
    const type = new Pieces();
    type.message(Field.type.tensor, tensor);
    if (info.tensor.denotation !== undefined) type.text(Field.type.denotation, info.tensor.denotation);
    out.message(Field.valueInfo.type, type);
  }
  if (info.docString !== undefined) out.text(Field.valueInfo.docString, info.docString);
  out.unknown(info.unknown);
  into.message(field, out);
}

function encodeGraph(graph: OnnxGraph, place: PlaceTensor): Pieces {
  const F = Field.graph;
  const out = new Pieces();
  for (const node of graph.nodes) encodeNode(out, node, place);
  if (graph.name !== "") out.text(F.name, graph.name);
  for (const tensor of graph.initializers) encodeTensor(out, F.initializer, tensor, "initializer", place);
  if (graph.docString !== undefined) out.text(F.docString, graph.docString);
  for (const info of graph.inputs) encodeValueInfo(out, F.input, info);
  for (const info of graph.outputs) encodeValueInfo(out, F.output, info);
  for (const info of graph.valueInfo) encodeValueInfo(out, F.valueInfo, info);
  out.unknown(graph.unknown);
  return out;
}

/** The whole file. @throws InternalError where a tensor's data does not fit its dims */
export function encodeModel(model: OnnxModel, place: PlaceTensor): Pieces {
  const F = Field.model;
  const out = new Pieces();
  out.int(F.irVersion, model.irVersion);
  if (model.producerName !== undefined) out.text(F.producerName, model.producerName);
  if (model.producerVersion !== undefined) out.text(F.producerVersion, model.producerVersion);
  if (model.domain !== undefined) out.text(F.domain, model.domain);
  if (model.modelVersion !== undefined) out.int(F.modelVersion, model.modelVersion);
  if (model.docString !== undefined) out.text(F.docString, model.docString);
  out.message(F.graph, encodeGraph(model.graph, place));
  for (const { domain, version } of model.opsets) {
    const opset = new Pieces();
    // The default domain is written too, as exporters do.
    opset.text(Field.opset.domain, domain);
    opset.int(Field.opset.version, version);
    out.message(F.opsetImport, opset);
  }
  for (const [key, value] of model.metadata) out.message(F.metadata, entry(key, value));
  out.unknown(model.unknown);
  return out;
}
