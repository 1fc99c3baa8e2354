// Field numbers of onnx.proto, shared by the reader and the writer.

export const Field = {
  model: {
    irVersion: 1,
    producerName: 2,
    producerVersion: 3,
    domain: 4,
    modelVersion: 5,
    docString: 6,
    graph: 7,
    opsetImport: 8,
    metadata: 14,
    function: 25,
  },
  function: { name: 1, node: 7, domain: 10 },
  opset: { domain: 1, version: 2 },
  entry: { key: 1, value: 2 },
  graph: {
    node: 1,
    name: 2,
    initializer: 5,
    docString: 10,
    input: 11,
    output: 12,
    valueInfo: 13,
    sparseInitializer: 15,
  },
  sparse: { values: 1 },
  node: { input: 1, output: 2, name: 3, opType: 4, attribute: 5, docString: 6, domain: 7 },
  attribute: {
    name: 1,
    float: 2,
    int: 3,
    string: 4,
    tensor: 5,
    graph: 6,
    floats: 7,
    ints: 8,
    strings: 9,
    tensors: 10,
    graphs: 11,
    type: 20,
    refName: 21,
  },
  tensor: {
    dims: 1,
    dataType: 2,
    floatData: 4,
    int32Data: 5,
    stringData: 6,
    int64Data: 7,
    name: 8,
    rawData: 9,
    doubleData: 10,
    uint64Data: 11,
    docString: 12,
    externalData: 13,
    dataLocation: 14,
  },
  valueInfo: { name: 1, type: 2, docString: 3 },
  type: { tensor: 1, denotation: 6 },
  tensorType: { elemType: 1, shape: 2 },
  shape: { dim: 1 },
  dimension: { value: 1, param: 2, denotation: 3 },
} as const;

/** AttributeProto.AttributeType of the kinds that are interpreted. */
export const AttributeNumber = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
  tensors: 9,
  graphs: 10,
} as const;

/** Wire types of protobuf; groups (3 and 4) do not occur in ONNX. */
export const Wire = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** Protobuf readers, onnxruntime's among them, refuse a message of 2 GiB or more. */
export const maxMessageBytes = 2 ** 31 - 1;

/** Deepest nesting of If, Loop and Scan bodies that is read; real models use two or three. */
export const maxGraphDepth = 64;
