// The formats that a tensor can be simulated in, and what each one leaves to choose.
import type { Encoding } from "../quantize/encoding.ts";

export const fakeFormats = [
  "int8",
  "uint8",
  "int4",
  "uint4",
  "int3",
  "uint3",
  "int2",
  "uint2",
  "int16",
  "uint16",
  "nf4",
  "fp4",
  "fp8-e4m3",
  "fp8-e5m2",
  "mxfp4",
  "mxfp6-e2m3",
  "mxfp6-e3m2",
  "mxfp8-e4m3",
  "mxfp8-e5m2",
  "nvfp4",
  "ternary",
  "ternary-absmean",
  "binary",
  "fp16",
  "bf16",
] as const;

export type FakeFormat = (typeof fakeFormats)[number];

export const isFakeFormat = (text: string): text is FakeFormat => fakeFormats.some((name) => name === text);

/** Whole numbers under a scale and a zero point. */
export interface AffineFormat {
  readonly kind: "affine";
  readonly bits: 2 | 3 | 4 | 8 | 16;
  readonly signed: boolean;
}

/** Everything else: codes of a family that has kernels to encode and to decode. */
export interface EncodedFormat {
  readonly kind: "encoded";
  readonly encoding: Exclude<Encoding, { kind: "affine" }>;
  /** Elements of a block, where the format lays them down. */
  readonly block?: number;
}

const affine = (bits: AffineFormat["bits"], signed: boolean): AffineFormat => ({ kind: "affine", bits, signed });
const encoded = (encoding: EncodedFormat["encoding"], block?: number): EncodedFormat => ({
  kind: "encoded",
  encoding,
  ...(block === undefined ? {} : { block }),
});
const microscaling = (element: "e2m1" | "e2m3" | "e3m2" | "e4m3" | "e5m2"): EncodedFormat =>
  encoded({ kind: "mx", element, scaleRule: "floor" }, 32);

export const describedFormats: Readonly<Record<FakeFormat, AffineFormat | EncodedFormat>> = {
  int8: affine(8, true),
  uint8: affine(8, false),
  int4: affine(4, true),
  uint4: affine(4, false),
  int3: affine(3, true),
  uint3: affine(3, false),
  int2: affine(2, true),
  uint2: affine(2, false),
  int16: affine(16, true),
  uint16: affine(16, false),
  nf4: encoded({ kind: "table", table: "nf4" }),
  fp4: encoded({ kind: "table", table: "fp4" }),
  "fp8-e4m3": encoded({ kind: "float8", element: "e4m3fn" }),
  "fp8-e5m2": encoded({ kind: "float8", element: "e5m2" }),
  mxfp4: microscaling("e2m1"),
  "mxfp6-e2m3": microscaling("e2m3"),
  "mxfp6-e3m2": microscaling("e3m2"),
  "mxfp8-e4m3": microscaling("e4m3"),
  "mxfp8-e5m2": microscaling("e5m2"),
  nvfp4: encoded({ kind: "nvfp4" }, 16),
  ternary: encoded({ kind: "ternary", rule: "twn" }),
  "ternary-absmean": encoded({ kind: "ternary", rule: "absmean" }),
  binary: encoded({ kind: "binary" }),
  fp16: encoded({ kind: "cast", to: "f16" }),
  bf16: encoded({ kind: "cast", to: "bf16" }),
};
