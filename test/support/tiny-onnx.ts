// One-node ONNX models as bytes, written field by field from onnx.proto: independent of the project's own
// writer, so that an oracle can judge either.
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

export interface TinyTensor {
  readonly name: string;
  /** TensorProto.DataType */
  readonly type: number;
  readonly dims: readonly number[];
  readonly bytes: Uint8Array;
}

export interface TinyValue {
  readonly name: string;
  readonly type: number;
  readonly dims: readonly number[];
}

export interface TinyModel {
  readonly opType: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly attributes: Readonly<Record<string, number>>;
  readonly initializers: readonly TinyTensor[];
  readonly input: TinyValue;
  readonly output: TinyValue;
}

const message = (fill: (writer: BinaryWriter) => unknown): Uint8Array => {
  const writer = new BinaryWriter();
  fill(writer);
  return writer.finish();
};
const put = (writer: BinaryWriter, field: number, bytes: Uint8Array): unknown =>
  writer.tag(field, WireType.LengthDelimited).bytes(bytes);
const text = (writer: BinaryWriter, field: number, value: string): unknown =>
  writer.tag(field, WireType.LengthDelimited).string(value);
const int = (writer: BinaryWriter, field: number, value: number): unknown =>
  writer.tag(field, WireType.Varint).int64(value);

const valueInfo = ({ name, type, dims }: TinyValue): Uint8Array =>
  message((value) => {
    const shape = message((w) =>
      dims.map((dim) =>
        put(
          w,
          1,
          message((d) => int(d, 1, dim)),
        ),
      ),
    );
    const tensorType = message((w) => [int(w, 1, type), put(w, 2, shape)]);
    text(value, 1, name);
    put(
      value,
      2,
      message((w) => put(w, 1, tensorType)),
    );
  });

const tensor = ({ name, type, dims, bytes }: TinyTensor): Uint8Array =>
  message((w) => {
    for (const dim of dims) int(w, 1, dim);
    int(w, 2, type);
    text(w, 8, name);
    put(w, 9, bytes);
  });

const node = ({ opType, domain, inputs, attributes, output }: TinyModel): Uint8Array =>
  message((w) => {
    for (const input of inputs) text(w, 1, input);
    text(w, 2, output.name);
    text(w, 4, opType);
    for (const [name, value] of Object.entries(attributes)) {
      put(
        w,
        5,
        message((attribute) => [text(attribute, 1, name), int(attribute, 3, value), int(attribute, 20, 2)]),
      );
    }
    text(w, 7, domain);
  });

/** A model of one node with integer attributes; opset 21 of ONNX and 1 of com.microsoft. */
export function tinyModel(model: TinyModel): Uint8Array {
  const graph = message((w) => {
    put(w, 1, node(model));
    text(w, 2, "tiny");
    for (const initializer of model.initializers) put(w, 5, tensor(initializer));
    put(w, 11, valueInfo(model.input));
    put(w, 12, valueInfo(model.output));
  });
  const opset = (domain: string, version: number): Uint8Array =>
    message((w) => [text(w, 1, domain), int(w, 2, version)]);
  return message((w) => {
    int(w, 1, 10);
    put(w, 7, graph);
    put(w, 8, opset("", 21));
    put(w, 8, opset("com.microsoft", 1));
  });
}
