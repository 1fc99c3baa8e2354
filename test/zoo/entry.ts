// What the zoo says of an architecture, and what it makes of it: bytes of a file, a count of parameters, inputs.
import { elementCount } from "../../src/base/dtypes.ts";
import { seededRandom } from "../../src/base/random.ts";
import type { InputTensor, InputType } from "../../src/evaluate/tensors.ts";
import type { OnnxModel } from "../../src/formats/onnx/ir.ts";
import { layoutOnnx } from "../../src/formats/onnx/layout.ts";
import { GraphBuilder, type BuilderOptions } from "./graph-builder.ts";

export type Family = "cnn" | "rnn" | "transformer";
export type Task =
  | "image classification"
  | "segmentation"
  | "token classification"
  | "text embedding"
  | "language model"
  | "transcription";

/** Options that every architecture has. */
export interface ZooOptions {
  /** Of the weights. */
  readonly seed: number;
  readonly opset: number;
}

/** Sizes of dims that a file leaves open. An architecture looks at those that it has. */
export interface Sizes {
  readonly batch?: number;
  readonly height?: number;
  readonly width?: number;
  /** Tokens of a sequence. */
  readonly length?: number;
  /** Tokens in the cache before the sequence. */
  readonly past?: number;
  /** Of sound. */
  readonly frames?: number;
}

export interface Architecture<O extends ZooOptions> {
  readonly name: string;
  readonly family: Family;
  readonly task: Task;
  /** Small: a file below 2 MB. */
  readonly defaults: O;
  /** Options under which the parameters are as many as published, and the number. */
  readonly published?: { readonly options: Partial<O>; readonly parameters: number };
  /** Sizes besides the default ones that its files take. */
  readonly otherSizes: readonly Sizes[];
  readonly form?: Pick<BuilderOptions, "constants" | "initializersAsInputs">;
  graph(b: GraphBuilder, options: O): void;
  inputs(make: InputMaker, options: O, sizes: Sizes): readonly InputTensor[];
}

export interface ZooEntry<O extends ZooOptions = ZooOptions> extends Pick<
  Architecture<O>,
  "name" | "family" | "task" | "defaults" | "published" | "otherSizes"
> {
  model(options?: Partial<O>): OnnxModel;
  /** The file; the same options give the same bytes. */
  build(options?: Partial<O>): Uint8Array;
  /** Counted as the graph is made, without making weights. */
  parameters(options?: Partial<O>): number;
  /** Every input that the file of these options takes. */
  inputs(seed: number, sizes?: Sizes, options?: Partial<O>): readonly InputTensor[];
}

/** Makes inputs by seed, each from a stream of its own. */
export class InputMaker {
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
  }

  normal(name: string, dims: readonly number[]): InputTensor {
    return { name, dtype: "f32", dims, data: seededRandom(this.#seed, name).normals(elementCount(dims)) };
  }

  /** Integers of [min, max). */
  integers(name: string, dims: readonly number[], min: number, max: number, dtype: InputType = "i64"): InputTensor {
    const random = seededRandom(this.#seed, name);
    return { name, dtype, dims, data: Float64Array.from({ length: elementCount(dims) }, () => random.int(min, max)) };
  }

  /** From the index along the last dim and the row. */
  byIndex(
    name: string,
    dims: readonly number[],
    value: (column: number, row: number) => number,
    dtype: InputType = "i64",
  ): InputTensor {
    const columns = dims.at(-1) ?? 1;
    const data = Float64Array.from({ length: elementCount(dims) }, (_, at) =>
      value(at % columns, Math.floor(at / columns)),
    );
    return { name, dtype, dims, data };
  }
}

export function zooEntry<O extends ZooOptions>(architecture: Architecture<O>): ZooEntry<O> {
  const { name, family, task, defaults, published, otherSizes, form } = architecture;
  const started = (given: Partial<O>, counting: boolean): GraphBuilder => {
    const options: O = { ...defaults, ...given };
    const builder = new GraphBuilder({ opset: options.opset, seed: options.seed, counting, ...form });
    architecture.graph(builder, options);
    return builder;
  };
  return {
    name,
    family,
    task,
    defaults,
    ...(published && { published }),
    otherSizes,
    model: (options = {}) => started(options, false).model(),
    build: (options = {}) => bytesOf(started(options, false).model()),
    parameters: (options = {}) => started(options, true).parameters,
    inputs: (seed, sizes = {}, options = {}) =>
      architecture.inputs(new InputMaker(seed), { ...defaults, ...options }, sizes),
  };
}

/** All tensors of a built model are in memory, so its file is too. */
function bytesOf(model: OnnxModel): Uint8Array {
  const { main } = layoutOnnx(model);
  const bytes = new Uint8Array(main.size);
  for (const segment of main.segments) {
    if (segment.kind !== "bytes") throw new Error(`A part of the file at ${segment.offset} is not in memory.`);
    bytes.set(segment.bytes, segment.offset);
  }
  return bytes;
}
