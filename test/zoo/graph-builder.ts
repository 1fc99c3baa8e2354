// Builds an ONNX graph node by node, with names as torch.onnx gives them: parameters "layer1.0.conv1.weight", nodes
// "/layer1.0/conv1/Conv". Every parameter has a stream of random numbers of its own, by its name under the model's
// seed. In counting mode no weight is made: a model of a billion parameters is then a few thousand small objects.
import { elementCount } from "../../src/base/dtypes.ts";
import { seededRandom, type Random } from "../../src/base/random.ts";
import {
  OnnxType,
  type Dim,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type TensorData,
} from "../../src/formats/onnx/ir.ts";
import { makeTensor } from "../../src/formats/onnx/make.ts";
import { op, smallModel, type PlainAttributes, type Port } from "../support/onnx-models.ts";
import type { Moments } from "./moments.ts";
import type { Sample } from "./sample.ts";

/** A value of the graph and what is known of it while building. */
export interface Value {
  readonly name: string;
  /** Channels of a feature map, features of a sequence. */
  readonly width: number;
  /** Asked for only where weights are made. */
  readonly moments: () => Moments;
  /** In convolutional networks: a few pictures, this far through the network. */
  readonly sample?: () => Sample;
}

/** What a node takes: a value, or a name alone; "" leaves an optional input out. */
export type Operand = Value | string;

export interface BuilderOptions {
  readonly opset: number;
  readonly seed: number;
  /** Counts parameters and makes no weights. */
  readonly counting?: boolean;
  /** Where scalars and shapes live: in Constant nodes, as torch.onnx writes them, or among the initializers. */
  readonly constants?: "nodes" | "initializers";
  /** Lists the initializers among the graph's inputs, as files of IR version 3 do. */
  readonly initializersAsInputs?: boolean;
}

const nameOf = (operand: Operand): string => (typeof operand === "string" ? operand : operand.name);
const bytesOf = (values: Float32Array | BigInt64Array | Uint8Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

export class GraphBuilder {
  readonly opset: number;
  readonly counting: boolean;
  readonly #options: BuilderOptions;
  readonly #nodes: OnnxNode[] = [];
  readonly #initializers: OnnxTensor[] = [];
  readonly #inputs: Port[] = [];
  readonly #outputs: (readonly [value: string, port: Port])[] = [];
  readonly #path: string[] = [];
  readonly #uses = new Map<string, number>();
  #parameters = 0;

  constructor(options: BuilderOptions) {
    this.#options = options;
    this.opset = options.opset;
    this.counting = options.counting ?? false;
  }

  /** Elements of all parameters so far; constants, running statistics and tables that are computed do not count. */
  get parameters(): number {
    return this.#parameters;
  }

  /** Prefixes the names of all that `body` adds. */
  scope<T>(name: string, body: () => T): T {
    this.#path.push(name);
    const result = body();
    this.#path.pop();
    return result;
  }

  /** Like `scope`, with the name in place of the innermost one. */
  beside<T>(name: string, body: () => T): T {
    const inner = this.#path.pop() ?? "";
    const result = this.scope(name, body);
    this.#path.push(inner);
    return result;
  }

  input(name: string, dims: readonly Dim[], type: number = OnnxType.FLOAT): string {
    this.#inputs.push([name, dims, type]);
    return name;
  }

  /** Makes a value an output of the graph. */
  output(value: Operand, name: string, dims: readonly Dim[], type: number = OnnxType.FLOAT): void {
    this.#outputs.push([nameOf(value), [name, dims, type]]);
  }

  /** A node of one output; its name. */
  node(type: string, inputs: readonly Operand[], attributes: PlainAttributes = {}): string {
    const [output = ""] = this.nodes(type, inputs, 1, attributes);
    return output;
  }

  nodes(type: string, inputs: readonly Operand[], outputs: number, attributes: PlainAttributes = {}): string[] {
    const base = `/${[...this.#path, type].join("/")}`;
    const use = this.#uses.get(base) ?? 0;
    this.#uses.set(base, use + 1);
    const name = use === 0 ? base : `${base}_${use}`;
    const results = Array.from({ length: outputs }, (_, index) => `${name}_output_${index}`);
    this.#nodes.push({ ...op(type, inputs.map(nameOf), results, attributes), name });
    return results;
  }

  /** Random numbers of the parameter of this name here. */
  random(name: string): Random {
    return seededRandom(this.#options.seed, this.#full(name));
  }

  /** A trained tensor. */
  parameter(name: string, dims: readonly number[], make: () => Float32Array): string {
    this.#parameters += elementCount(dims);
    return this.buffer(name, dims, make);
  }

  /** A tensor that belongs to the model without being trained. */
  buffer(name: string, dims: readonly number[], make: () => Float32Array): string {
    const length = 4 * elementCount(dims);
    const data: TensorData = this.counting
      ? { kind: "pending", key: this.#full(name), length }
      : { kind: "bytes", bytes: bytesOf(make()) };
    return this.#initializer(makeTensor(this.#full(name), OnnxType.FLOAT, dims, data));
  }

  /** A table of indices or of truth values. */
  table(name: string, dims: readonly number[], make: () => readonly number[], type: "i64" | "bool" = "i64"): string {
    const full = this.#full(name);
    const wide = type === "i64";
    const encoded = (): Uint8Array => (wide ? bytesOf(BigInt64Array.from(make(), BigInt)) : Uint8Array.from(make()));
    const data: TensorData = this.counting
      ? { kind: "pending", key: full, length: (wide ? 8 : 1) * elementCount(dims) }
      : { kind: "bytes", bytes: encoded() };
    return this.#initializer(makeTensor(full, wide ? OnnxType.INT64 : OnnxType.BOOL, dims, data));
  }

  float(value: number): string {
    return this.#constant(OnnxType.FLOAT, [], Float32Array.of(value));
  }

  floats(...values: readonly number[]): string {
    return this.#constant(OnnxType.FLOAT, [values.length], Float32Array.from(values));
  }

  int(value: number): string {
    return this.#constant(OnnxType.INT64, [], BigInt64Array.of(BigInt(value)));
  }

  ints(...values: readonly number[]): string {
    return this.#constant(OnnxType.INT64, [values.length], BigInt64Array.from(values, BigInt));
  }

  /** The graph as it stands. In counting mode its weights are pending. */
  model(): OnnxModel {
    const renamed = new Map(this.#outputs.map(([value, [name]]) => [value, name]));
    if (renamed.size < this.#outputs.length) throw new Error("One value can't be two outputs of the graph.");
    const rename = (name: string): string => renamed.get(name) ?? name;
    const weights = this.#options.initializersAsInputs ? this.#initializers : [];
    return smallModel({
      opset: this.opset,
      nodes: this.#nodes.map((node) => ({
        ...node,
        inputs: node.inputs.map(rename),
        outputs: node.outputs.map(rename),
      })),
      inputs: [...this.#inputs, ...weights.map(({ name, dims, dataType }): Port => [name, dims, dataType])],
      outputs: this.#outputs.map(([, port]) => port),
      initializers: this.#initializers,
      ...(this.#options.initializersAsInputs && { ir: 3 }),
    });
  }

  #constant(type: number, dims: readonly number[], values: Float32Array | BigInt64Array): string {
    if (this.#options.constants === "initializers") {
      return this.#initializer(
        makeTensor(this.#full(`constant_${this.#initializers.length}`), type, dims, bytesOf(values)),
      );
    }
    return this.node("Constant", [], { value: { type: "tensor", value: makeTensor("", type, dims, bytesOf(values)) } });
  }

  #initializer(tensor: OnnxTensor): string {
    if (this.#uses.has(tensor.name)) throw new Error(`Two tensors are named "${tensor.name}".`);
    this.#uses.set(tensor.name, 1);
    this.#initializers.push(tensor);
    return tensor.name;
  }

  #full(name: string): string {
    return [...this.#path, name].join(".");
  }
}
