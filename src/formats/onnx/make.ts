// Makes IR objects and edits model headers. Nothing made here is verbatim, so all of it is encoded.
import { byteLengthOf, elementCount } from "../../base/dtypes.ts";
import { UsageError } from "../../base/errors.ts";
import { dtypeOf, onnxTypeName } from "./dtypes.ts";
import { dataLength } from "./encode.ts";
import type { Dim, OnnxAttribute, OnnxGraph, OnnxModel, OnnxNode, OnnxTensor, TensorData, ValueInfo } from "./ir.ts";

const utf8 = new TextEncoder();

export const makeAttributeInt = (name: string, value: number | bigint): OnnxAttribute => ({
  name,
  value: { type: "int", value: BigInt(value) },
});
export const makeAttributeFloat = (name: string, value: number): OnnxAttribute => ({
  name,
  value: { type: "float", value },
});
export const makeAttributeString = (name: string, value: string): OnnxAttribute => ({
  name,
  value: { type: "string", value: utf8.encode(value) },
});
export const makeAttributeInts = (name: string, value: readonly (number | bigint)[]): OnnxAttribute => ({
  name,
  value: { type: "ints", value: value.map(BigInt) },
});
export const makeAttributeFloats = (name: string, value: readonly number[]): OnnxAttribute => ({
  name,
  value: { type: "floats", value },
});
export const makeAttributeStrings = (name: string, value: readonly string[]): OnnxAttribute => ({
  name,
  value: { type: "strings", value: value.map((text) => utf8.encode(text)) },
});
export const makeAttributeTensor = (name: string, value: OnnxTensor): OnnxAttribute => ({
  name,
  value: { type: "tensor", value },
});
export const makeAttributeGraph = (name: string, value: OnnxGraph): OnnxAttribute => ({
  name,
  value: { type: "graph", value },
});

export interface NodeParts {
  readonly opType: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly name?: string;
  /** Default: the default domain. */
  readonly domain?: string;
  readonly attributes?: readonly OnnxAttribute[];
  readonly docString?: string;
}

export const makeNode = ({ name = "", domain = "", attributes = [], ...rest }: NodeParts): OnnxNode => ({
  ...rest,
  name,
  domain,
  attributes,
});

/**
 * A tensor over packed little-endian bytes, or over data wherever it lies.
 * @throws UsageError where the data's length is not what dims and type ask for
 */
export function makeTensor(
  name: string,
  dataType: number,
  dims: readonly number[],
  data: Uint8Array | TensorData,
): OnnxTensor {
  const tensorData: TensorData = data instanceof Uint8Array ? { kind: "bytes", bytes: data } : data;
  const count = elementCount(dims);
  const expected = byteLengthOf(dtypeOf(dataType), count);
  const fits = tensorData.kind === "strings" ? tensorData.values.length === count : dataLength(tensorData) === expected;
  if (fits) return { name, dataType, dims, data: tensorData };
  throw new UsageError(
    `Tensor "${name}": ${onnxTypeName(dataType)} [${dims.join(", ")}] needs ${expected} bytes, not ${dataLength(tensorData)}.`,
    { details: { tensor: name } },
  );
}

/** Without dims the rank is unknown. */
export const makeValueInfo = (name: string, dataType: number, dims?: readonly Dim[]): ValueInfo => ({
  name,
  tensor: dims ? { dataType, dims } : { dataType },
});

export const makeGraph = (parts: Partial<OnnxGraph> & Pick<OnnxGraph, "nodes" | "inputs" | "outputs">): OnnxGraph => ({
  name: "graph",
  initializers: [],
  valueInfo: [],
  ...parts,
});

export const makeModel = (
  parts: Partial<OnnxModel> & Pick<OnnxModel, "irVersion" | "opsets" | "graph">,
): OnnxModel => ({
  metadata: [],
  ...parts,
});

/** Adds metadata, or replaces entries of the same key in place. */
export function setMetadata(model: OnnxModel, entries: Readonly<Record<string, string>>): OnnxModel {
  return { ...model, metadata: [...new Map([...model.metadata, ...Object.entries(entries)])] };
}

/** Sets the version of a domain's operator set, added if absent. */
export function setOpset(model: OnnxModel, domain: string, version: number): OnnxModel {
  const has = model.opsets.some((opset) => opset.domain === domain);
  const opsets = has
    ? model.opsets.map((opset) => (opset.domain === domain ? { domain, version } : opset))
    : [...model.opsets, { domain, version }];
  return { ...model, opsets };
}
