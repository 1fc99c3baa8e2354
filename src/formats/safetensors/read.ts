// Reads safetensors headers, of one file or of the shards that an index names. Everything that the format demands
// is checked before it is believed: tensors must tile the buffer exactly, in whatever order the header lists them.
// Source: the format's README and its reference reader.
import type { ByteSource } from "../../base/bytes.ts";
import { bitsOf } from "../../base/dtypes.ts";
import { FormatError, UnsupportedError } from "../../base/errors.ts";
import { safeRelativePath } from "../sources/checks.ts";
import { isObject, parseJson, type Json, type JsonObject } from "./json.ts";
import { dtypeOfSafe, findSafeDType, type SafeTensor, type SafetensorsModel } from "./types.ts";

/** The reference reader's own limit. */
export const maxHeaderBytes = 100_000_000;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const damaged = (source: ByteSource, what: string, tensor?: string): FormatError =>
  new FormatError(`${source.name}: ${tensor === undefined ? "" : `tensor "${tensor}": `}${what}.`, {
    hint: "The file is damaged or is no safetensors file; fetch it again.",
    details: { file: source.name, ...(tensor === undefined ? {} : { tensor }) },
  });

/** True where the first bytes are those of a safetensors file: a length below 2^32, then "{". */
export async function looksLikeSafetensors(source: ByteSource, signal?: AbortSignal): Promise<boolean> {
  if (source.size < 10) return false;
  const head = await source.read(0, 9, signal);
  return head[8] === 0x7b && new DataView(head.buffer, head.byteOffset).getUint32(4, true) === 0;
}

/** True where the file is JSON, as an index of shards is; no ONNX file begins like that. */
export async function looksLikeIndex(source: ByteSource, signal?: AbortSignal): Promise<boolean> {
  return source.size > 1 && (await source.read(0, 1, signal))[0] === 0x7b;
}

/**
 * Reads one file's structure; weights stay where they are.
 * @throws FormatError for anything that the format forbids, naming the file and the tensor; IoError; AbortedError
 */
export async function readSafetensors(
  source: ByteSource,
  options: { readonly signal?: AbortSignal } = {},
): Promise<SafetensorsModel> {
  const { signal } = options;
  if (source.size < 8) throw damaged(source, "it is too short for the length of its header");
  const head = await source.read(0, 8, signal);
  const length = new DataView(head.buffer, head.byteOffset).getBigUint64(0, true);
  if (length > BigInt(maxHeaderBytes))
    throw damaged(source, `a header of ${length} bytes, more than ${maxHeaderBytes}`);
  const bytes = Number(length);
  if (8 + bytes > source.size) throw damaged(source, `a header of ${bytes} bytes in a file of ${source.size}`);
  const raw = await source.read(8, bytes, signal);
  if (raw[0] !== 0x7b) throw damaged(source, 'a header that does not begin with "{"');
  const header = parse(source, raw);
  if (!isObject(header)) throw damaged(source, "a header that is no JSON object");
  const start = 8 + bytes;
  const tensors: Placed[] = [];
  let metadata: (readonly [string, string])[] = [];
  for (const [name, entry] of header) {
    if (name === "__metadata__") metadata = readMetadata(source, entry);
    else tensors.push(readEntry(source, name, entry, start));
  }
  return { tensors: tiled(source, tensors, source.size - start), metadata };
}

function parse(source: ByteSource, bytes: Uint8Array): Json {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw damaged(source, "a header that is not UTF-8");
  }
  return parseJson(text, (what) => damaged(source, what));
}

interface Placed {
  readonly tensor: SafeTensor;
  readonly begin: number;
  readonly end: number;
}

const isCount = (value: Json | undefined): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0;

function readMetadata(source: ByteSource, entry: Json): (readonly [string, string])[] {
  if (!isObject(entry)) throw damaged(source, "__metadata__ that is no object");
  return [...entry].map(([key, value]) => {
    if (typeof value !== "string") throw damaged(source, `metadata "${key}" that is no string`);
    return [key, value] as const;
  });
}

function readEntry(source: ByteSource, name: string, entry: Json, start: number): Placed {
  const fail = (what: string): FormatError => damaged(source, what, name);
  if (!isObject(entry)) throw fail("no object");
  const given = entry.get("dtype");
  const dtype = typeof given === "string" ? findSafeDType(given) : undefined;
  if (!dtype) throw fail(`the element type ${JSON.stringify(given)}, which the format lacks`);
  const shape = entry.get("shape");
  if (!Array.isArray(shape) || !shape.every(isCount)) throw fail("a shape that is no list of sizes");
  const offsets = entry.get("data_offsets");
  const [begin, end] = Array.isArray(offsets) && offsets.length === 2 ? offsets : [];
  if (!isCount(begin) || !isCount(end) || begin > end) throw fail("data_offsets that are no range");
  if (start + end > source.size) throw fail(`data up to byte ${end} of a buffer of ${source.size - start}`);
  const bits = shape.reduce((product, size) => product * size, bitsOf(dtypeOfSafe(dtype)));
  if (!Number.isSafeInteger(bits)) throw fail("a shape whose product overflows");
  if (bits % 8 !== 0) throw fail("elements that do not fill whole bytes");
  if (bits / 8 !== end - begin) throw fail(`${end - begin} bytes for a shape that takes ${bits / 8}`);
  const range = { source, offset: start + begin, length: end - begin };
  return { tensor: { name, dtype, shape, data: { kind: "range", range } }, begin, end };
}

/** Tensors in the order of their bytes; together they must be the buffer, without hole or overlap. */
function tiled(source: ByteSource, tensors: readonly Placed[], bufferBytes: number): readonly SafeTensor[] {
  const sorted = tensors.toSorted((a, b) => a.begin - b.begin || a.end - b.end);
  let at = 0;
  for (const { tensor, begin, end } of sorted) {
    if (begin !== at) {
      throw damaged(source, `${begin < at ? "an overlap" : "a hole"} between byte ${at} and ${begin}`, tensor.name);
    }
    at = end;
  }
  if (at !== bufferBytes) throw damaged(source, `${bufferBytes - at} bytes after the last tensor`);
  return sorted.map(({ tensor }) => tensor);
}

/**
 * Reads the shards that an index (model.safetensors.index.json) names; they lie beside it.
 * @throws FormatError where the index and the shards disagree or a shard lies outside the folder; UnsupportedError
 *   where the source knows no siblings; else as `readSafetensors`
 */
export async function readShards(
  index: ByteSource,
  options: { readonly signal?: AbortSignal } = {},
): Promise<SafetensorsModel> {
  if (index.size > maxHeaderBytes) throw damaged(index, `an index of more than ${maxHeaderBytes} bytes`);
  const map = weightMap(index, parse(index, await index.read(0, index.size, options.signal)));
  const open = index.sibling?.bind(index);
  if (!open) {
    throw new UnsupportedError(`${index.name} names further files, and this source has none beside it.`, {
      hint: "Open it from a folder, or give the shards as siblings.",
      details: { file: index.name },
    });
  }
  const tensors: SafeTensor[] = [];
  const metadata = new Map<string, string>();
  for (const file of new Set(map.values())) {
    if (!safeRelativePath(file)) throw damaged(index, `a shard outside its folder: "${file}"`);
    const shard = await readSafetensors(await open(file), options);
    for (const [key, value] of shard.metadata) metadata.set(key, value);
    for (const tensor of shard.tensors) {
      if (map.get(tensor.name) !== file) throw damaged(index, `no mention of it, and ${file} holds it`, tensor.name);
      tensors.push(tensor);
      map.delete(tensor.name);
    }
  }
  const [missing] = map;
  if (missing) throw damaged(index, `it is not in ${missing[1]}`, missing[0]);
  return { tensors, metadata: [...metadata] };
}

function weightMap(index: ByteSource, json: Json): Map<string, string> {
  const weights: Json | undefined = isObject(json) ? json.get("weight_map") : undefined;
  if (!isObject(weights)) throw damaged(index, "JSON without a weight_map");
  return new Map(entriesOf(index, weights));
}

const entriesOf = (index: ByteSource, weights: JsonObject): (readonly [string, string])[] =>
  [...weights].map(([name, file]) => {
    if (typeof file !== "string") throw damaged(index, "a shard that is no file name", name);
    return [name, file] as const;
  });
