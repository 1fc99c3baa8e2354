// Cases of matmul/table: each format, rows and flat layouts, one vector and many, f16 inputs, bias and activation.
import { encodeHalf } from "../../../src/base/half.ts";
import { tableMatmulReference } from "../../../src/kernels/matmul/table.ref.ts";
import {
  tableFormats,
  tableLine,
  tableMatmulCall,
  tableMatmulSpec,
  type TableFormatName,
  type TableMatmulShape,
} from "../../../src/kernels/matmul/table.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";
import { bytesOf, uniform, wordsFor } from "../quantize/float-fixtures.ts";

type Tiles = Parameters<typeof tableMatmulCall>[3];

const padded = (bytes: Uint8Array): Uint8Array => {
  const out = new Uint8Array(wordsFor(bytes.length));
  out.set(bytes);
  return out;
};

function caseOf(format: TableFormatName, shape: TableMatmulShape, tiles?: Tiles): KernelCase {
  const { m, n, k, blockSize, layout = "rows", halfInput = false } = shape;
  const { bits, scaleKind } = tableFormats[format];
  const line = tableLine(shape);
  const groups = Math.ceil((n * line) / blockSize);
  const next = uniform(m + n + k);
  const floats = (count: number, low: number, high: number): Float32Array =>
    Float32Array.from({ length: count }, () => low + next() * (high - low));
  const bytes = (count: number, low: number, high: number): Uint8Array =>
    padded(Uint8Array.from({ length: count }, () => low + Math.floor(next() * (high - low))));
  const x = floats(m * k, -1, 1);
  const scales = [() => bytesOf(floats(groups, -0.3, 0.4)), () => bytes(groups, 120, 128), () => bytes(groups, 1, 127)];
  const notes = [layout, shape.bias && "bias", shape.activation?.kind, shape.zeros && "zeros", halfInput && "f16"];
  return {
    name: `${format}: [${m}, ${k}] x [${n}, ${k}] in blocks of ${blockSize}, ${notes.filter(Boolean).join(", ")}`,
    call: (variant) => {
      const features = [
        ...(variant.includes("subgroups") ? ["subgroups"] : []),
        ...(variant.includes("f16") ? ["shader-f16"] : []),
      ];
      return tableMatmulCall(format, shape, { features, adapterClass: "hardware" }, tiles);
    },
    buffers: [
      bytes(Math.ceil((n * line * bits) / 8), 0, 256),
      scales[scaleKind]?.() ?? 4,
      bytesOf(new Float32Array([scaleKind === 2 ? 90 : 1])),
      shape.zeros ? bytesOf(floats(groups, 0, 7)) : 4,
      halfInput ? padded(new Uint8Array(Uint16Array.from(x, encodeHalf).buffer)) : bytesOf(x),
      shape.bias ? bytesOf(floats(n, -1, 1)) : 4,
      m * n * 4,
    ],
  };
}

const many = { m: 11, n: 35, k: 96, blockSize: 32 };
const one = { m: 1, n: 70, k: 100, blockSize: 32 };
const half = { m: 9, n: 13, k: 68, blockSize: 32, halfInput: true };

/** For subgroups of at least eight lanes. */
export const eightLanes = caseOf("nf4", { ...many, bias: true }, { share: 8 });

export const room: KernelRoom = {
  spec: tableMatmulSpec,
  reference: tableMatmulReference,
  cases: [
    caseOf("nf4", { ...many, layout: "flat", blockSize: 64, bias: true, activation: { kind: "relu" } }),
    caseOf("nf4", { m: 1, n: 5, k: 40, blockSize: 64, layout: "flat" }),
    caseOf("nf4", half),
    caseOf("fp4", { ...one, bias: true }),
    caseOf("fp4", { m: 18, n: 40, k: 128, blockSize: 64, layout: "flat" }, { rows: 16, wg: 8 }),
    caseOf("mxfp4", many),
    caseOf("mxfp4", { ...half, m: 1 }),
    caseOf("nvfp4", { m: 6, n: 9, k: 45, blockSize: 16, bias: true, activation: { kind: "silu" } }),
    caseOf("ternary", { m: 5, n: 12, k: 96, blockSize: 96 }),
    caseOf("ternary", { m: 1, n: 3, k: 33, blockSize: 16 }),
    caseOf("sign", { m: 5, n: 12, k: 99, blockSize: 128, bias: true }),
    caseOf("sign", { ...one, layout: "rows", halfInput: true }),
    caseOf("int3", many),
    caseOf("int3", { ...one, zeros: true, activation: { kind: "clip", a: -1, b: 1 } }),
    caseOf("int3", { m: 7, n: 6, k: 130, blockSize: 128, zeros: true, bias: true }),
    caseOf("int3", { m: 1, n: 1, k: 1, blockSize: 32 }),
  ],
};
