// onnxruntime-node behind plain tensors. The package is optional and heavy: it is loaded on first use, so
// that commands which do not run models start without it.
import { decodeHalf, encodeHalf } from "../base/half.ts";
import { UnsupportedError, UsageError } from "../base/errors.ts";
import type { InputSpec, InputTensor, InputType, OutputTensor } from "../evaluate/tensors.ts";

/** What onnxruntime-node and onnxruntime-web have in common. */
export type Ort = Pick<typeof import("onnxruntime-node"), "InferenceSession" | "Tensor">;
type OrtSession = import("onnxruntime-node").InferenceSession;
type OrtTensor = import("onnxruntime-node").Tensor;
type OrtType = OrtTensor["type"];

/**
 * Loads onnxruntime-node.
 * @throws UnsupportedError where it is not installed or does not load here
 */
export async function loadOrt(load: () => Promise<Ort> = () => import("onnxruntime-node")): Promise<Ort> {
  try {
    const module: Ort & { default?: Ort } = await load();
    return module.default ?? module;
  } catch (error) {
    throw new UnsupportedError("Running models needs onnxruntime-node, which can't be loaded.", {
      hint: "Install it beside wgslim: npm i onnxruntime-node",
      cause: error,
    });
  }
}

const types: Partial<Record<OrtType, InputType>> = {
  float64: "f64",
  float32: "f32",
  float16: "f16",
  int64: "i64",
  uint64: "u64",
  int32: "i32",
  uint32: "u32",
  int16: "i16",
  uint16: "u16",
  int8: "i8",
  uint8: "u8",
  bool: "bool",
};

const isNumber = (meta: OrtSession["outputMetadata"][number]): boolean => meta.isTensor && meta.type in types;

/** A model ready to run. Call `dispose` when done. */
export interface OrtModel {
  /** For messages. */
  readonly name: string;
  readonly inputs: readonly InputSpec[];
  readonly outputs: readonly string[];
  /** Outputs that are no number tensors (strings, sequences): never run. */
  readonly left: readonly string[];
  /**
   * Runs once. Inputs are converted to the types that the model takes.
   * @throws UsageError where onnxruntime refuses the inputs or fails on them
   */
  run(inputs: readonly InputTensor[]): Promise<readonly OutputTensor[]>;
  dispose(): Promise<void>;
}

export interface OpenOrtOptions {
  /** Default ["cpu"]. */
  readonly providers?: readonly string[];
  /** Threads inside an operator; default: onnxruntime's own choice. */
  readonly threads?: number;
  /** For tests. */
  readonly ort?: Ort;
}

/**
 * Opens a model from a path (external data found beside it) or from bytes.
 * @throws UnsupportedError where onnxruntime is missing, refuses the model, or an input is no number tensor
 */
export async function openOrtModel(model: string | Uint8Array, options: OpenOrtOptions = {}): Promise<OrtModel> {
  const ort = options.ort ?? (await loadOrt());
  const name = typeof model === "string" ? model : "the model";
  const session = await createSession(ort, model, name, options);
  const inputs = session.inputMetadata.map((meta): InputSpec => {
    const dtype = meta.isTensor ? types[meta.type] : undefined;
    if (!meta.isTensor || !dtype) {
      throw new UnsupportedError(`${name}: input "${meta.name}" is ${meta.isTensor ? meta.type : "no tensor"}.`, {
        hint: "Only models whose inputs are tensors of numbers can be run here.",
        details: { file: name, input: meta.name },
      });
    }
    // An unnamed open dim comes as an empty string.
    return { name: meta.name, dtype, dims: meta.shape.map((dim) => (dim === "" ? undefined : dim)) };
  });
  const outputs = session.outputMetadata.filter(isNumber).map((meta) => meta.name);
  const left = session.outputMetadata.filter((meta) => !isNumber(meta)).map((meta) => meta.name);
  return {
    name,
    inputs,
    outputs,
    left,
    async run(given) {
      const byName = new Map(given.map((input) => [input.name, input]));
      const feeds: Record<string, OrtTensor> = {};
      for (const { name: input, dtype } of inputs) {
        const found = byName.get(input);
        if (!found) throw new UsageError(`${name}: input "${input}" is not given.`, { details: { input } });
        feeds[input] = toOrt(ort, { ...found, dtype });
      }
      try {
        const results = await session.run(feeds, [...outputs]);
        return outputs.flatMap((output) => {
          const tensor = results[output];
          return tensor ? [fromOrt(output, tensor)] : [];
        });
      } catch (error) {
        throw new UsageError(`${name}: onnxruntime fails on these inputs: ${firstLine(error)}`, {
          hint: "Give shapes or values that suit the model: --dim, --shape or --input.",
          details: { file: name },
          cause: error,
        });
      }
    },
    dispose: () => session.release(),
  };
}

async function createSession(
  ort: Ort,
  model: string | Uint8Array,
  name: string,
  options: OpenOrtOptions,
): Promise<OrtSession> {
  const settings = {
    executionProviders: [...(options.providers ?? ["cpu"])],
    logSeverityLevel: 3 as const, // errors only; they come as exceptions too
    ...(options.threads === undefined ? {} : { intraOpNumThreads: options.threads }),
  };
  try {
    return typeof model === "string"
      ? await ort.InferenceSession.create(model, settings)
      : await ort.InferenceSession.create(model, settings);
  } catch (error) {
    throw new UnsupportedError(`${name}: onnxruntime can't load this model: ${firstLine(error)}`, {
      hint: "Check the path, that it is an ONNX file, and that onnxruntime-node is recent enough for its operators.",
      details: { file: name },
      cause: error,
    });
  }
}

const firstLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split("\n", 1)[0] ?? "";

function toOrt(ort: Ort, { dtype, dims, data }: InputTensor): OrtTensor {
  switch (dtype) {
    case "f64":
      return new ort.Tensor("float64", Float64Array.from(data), dims);
    case "f32":
      return new ort.Tensor("float32", Float32Array.from(data), dims);
    case "f16":
      return new ort.Tensor("float16", Uint16Array.from(data, encodeHalf), dims);
    case "i64":
      return new ort.Tensor("int64", BigInt64Array.from(Array.from(data, BigInt)), dims);
    case "u64":
      return new ort.Tensor("uint64", BigUint64Array.from(Array.from(data, BigInt)), dims);
    case "i32":
      return new ort.Tensor("int32", Int32Array.from(data), dims);
    case "u32":
      return new ort.Tensor("uint32", Uint32Array.from(data), dims);
    case "i16":
      return new ort.Tensor("int16", Int16Array.from(data), dims);
    case "u16":
      return new ort.Tensor("uint16", Uint16Array.from(data), dims);
    case "i8":
      return new ort.Tensor("int8", Int8Array.from(data), dims);
    case "u8":
      return new ort.Tensor("uint8", Uint8Array.from(data), dims);
    case "bool":
      return new ort.Tensor("bool", Uint8Array.from(data), dims);
    default:
      return dtype satisfies never;
  }
}

function fromOrt(name: string, tensor: OrtTensor): OutputTensor {
  const { data, dims, type } = tensor;
  if (data instanceof Float32Array || data instanceof Float64Array) return { name, dims, data };
  // Newer engines hand halves out as numbers, older ones as their bits.
  if (type === "float16" && data instanceof Uint16Array)
    return { name, dims, data: Float32Array.from(data, decodeHalf) };
  return { name, dims, data: Float64Array.from(data as ArrayLike<number | bigint>, Number) };
}
