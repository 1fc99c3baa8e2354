// Reads an ONNX model's structure from any source. Weights stay where they are: large payloads become
// ranges, so a model of any size costs memory for its graph only. Everything a hostile file may claim is
// checked before it is believed. Wire format and field meanings: onnx.proto and the protobuf encoding guide.
import type { ByteSource } from "../../base/bytes.ts";
import { FormatError } from "../../base/errors.ts";
import { checkModel } from "./check.ts";
import { ReadContext, UnknownCollector } from "./context.ts";
import type { OnnxFunction, OnnxGraph, OnnxModel, OnnxNode } from "./ir.ts";
import { readGraph } from "./read-graph.ts";
import { readNode } from "./read-node.ts";
import { readEntry } from "./read-tensor.ts";
import { Field, Wire } from "./schema.ts";
import type { FieldCursor, Place } from "./wire.ts";

export interface ReadOptions {
  readonly signal?: AbortSignal;
}

/**
 * Reads and checks a model. The source must stay open as long as the model is used: tensors and untouched
 * nodes refer to it.
 * @throws FormatError for anything that breaks ONNX's rules, naming file and node or tensor; IoError where
 *   reading fails or a data file is missing; UnsupportedError where data files are needed and the source
 *   knows no siblings; AbortedError
 */
export async function readOnnx(source: ByteSource, options: ReadOptions = {}): Promise<OnnxModel> {
  if (source.size === 0) {
    throw new FormatError(`${source.name}: the file is empty.`, {
      hint: "Fetch or export the model again.",
      details: { file: source.name },
    });
  }
  const context = new ReadContext(source, options.signal);
  const place: Place = { label: "the model" };
  const cursor = context.cursor(0, source.size, place);
  const unknown = new UnknownCollector(context);
  const opsets: { domain: string; version: number }[] = [];
  const metadata = new Map<string, string>();
  const texts: { producerName?: string; producerVersion?: string; domain?: string; docString?: string } = {};
  const functions: OnnxFunction[] = [];
  let irVersion: number | undefined;
  let modelVersion: bigint | undefined;
  let graph: OnnxGraph | undefined;
  const F = Field.model;
  const textFields = new Map<number, keyof typeof texts>([
    [F.producerName, "producerName"],
    [F.producerVersion, "producerVersion"],
    [F.domain, "domain"],
    [F.docString, "docString"],
  ]);
  while (await context.next(cursor)) {
    const textKey = textFields.get(cursor.field);
    if (cursor.field === F.irVersion) irVersion = cursor.integer();
    else if (textKey) {
      const text = await context.tryText(cursor);
      if (text === undefined) unknown.add(cursor);
      else texts[textKey] = text;
    } else if (cursor.field === F.modelVersion) modelVersion = cursor.bigint();
    else if (cursor.field === F.opsetImport) opsets.push(await readOpset(context, cursor));
    else if (cursor.field === F.metadata) await readEntry(context, cursor, metadata);
    else if (cursor.field === F.graph) {
      cursor.expect(Wire.bytes);
      if (graph) throw cursor.fail("two graphs where one may be");
      graph = await readGraph(context, cursor, { label: "the main graph" }, 0);
    } else {
      unknown.add(cursor);
      if (cursor.field === F.function) functions.push(await readFunction(context, cursor, functions.length));
    }
  }
  if (irVersion === undefined || irVersion < 1) throw context.fail(place, "no IR version");
  if (!graph) throw context.fail(place, "no graph");
  const model: OnnxModel = {
    irVersion,
    opsets,
    ...texts,
    ...(modelVersion === undefined ? {} : { modelVersion }),
    metadata: [...metadata],
    graph,
    ...(functions.length > 0 ? { functions } : {}),
    ...(await unknown.collected()),
  };
  checkModel(model, source.name);
  return model;
}

async function readFunction(context: ReadContext, at: FieldCursor, index: number): Promise<OnnxFunction> {
  at.expect(Wire.bytes);
  const label = `function ${index}`;
  const cursor = context.cursor(at.start, at.length, { label });
  const F = Field.function;
  const nodes: OnnxNode[] = [];
  let name = "";
  let domain = "";
  while (await context.next(cursor)) {
    if (cursor.field === F.name) name = await context.text(cursor);
    else if (cursor.field === F.domain) domain = await context.text(cursor);
    else if (cursor.field === F.node) {
      cursor.expect(Wire.bytes);
      nodes.push(await readNode(context, cursor, { label: `node ${nodes.length} in ${label}` }, 0, readGraph));
    }
  }
  return { name, domain, nodes };
}

async function readOpset(context: ReadContext, at: FieldCursor) {
  at.expect(Wire.bytes);
  const cursor = context.cursor(at.start, at.length, at.place);
  let domain = "";
  let version = 0;
  while (await context.next(cursor)) {
    if (cursor.field === Field.opset.domain) domain = await context.text(cursor);
    else if (cursor.field === Field.opset.version) version = cursor.integer();
  }
  return { domain: domain === "ai.onnx" ? "" : domain, version };
}
