// The named formats of the command line and the API, each with its documented defaults, and how a
// named format plus options becomes an encoding.
import { UsageError } from "../../base/errors.ts";
import type { AffineEncoding, ScaleSearch, TableEncoding } from "./encoding.ts";

export const formatNames = [
  "int8",
  "uint8",
  "int4",
  "uint4",
  "int2",
  "uint2",
  "nf4",
  "fp4",
  "fp16",
  "q4f16",
  "dynamic-int8",
  "dynamic-uint8",
] as const;

export type FormatName = (typeof formatNames)[number];

export type Granularity = "tensor" | "channel" | "block";

/**
 * `auto` takes MatMulNBits for 2 and 4 bits and DequantizeLinear for 8 and for what MatMulNBits does not fit;
 * `matmul-nbits` leaves blocks that it does not fit float.
 */
export type OperatorChoice = "auto" | "matmul-nbits" | "dequantize-linear";

/** Options of one format; all have defaults that `describeFormat` prints. */
export interface FormatOptions {
  readonly granularity?: Granularity;
  /** Elements along the reduction axis that share a scale: a power of two from 16 to 256. */
  readonly blockSize?: number;
  readonly symmetric?: boolean;
  readonly search?: ScaleSearch;
  readonly operator?: OperatorChoice;
}

/** A format with every choice made. */
export interface ResolvedFormat {
  readonly name: FormatName;
  readonly family: "affine" | "table" | "half" | "dynamic";
  readonly bits: 2 | 4 | 8 | 16;
  readonly signed: boolean;
  readonly symmetric: boolean;
  readonly granularity: Granularity;
  readonly blockSize: number;
  readonly search: ScaleSearch;
  readonly operator: OperatorChoice;
  /** What is not quantized is stored as f16 with f32 graph inputs and outputs kept. */
  readonly restAsHalf: boolean;
}

interface Defaults {
  readonly family: ResolvedFormat["family"];
  readonly bits: ResolvedFormat["bits"];
  readonly signed: boolean;
  readonly symmetric: boolean;
  readonly granularity: Granularity;
  readonly blockSize: number;
  readonly search: ScaleSearch["kind"];
  readonly restAsHalf?: boolean;
}

const defaults: Readonly<Record<FormatName, Defaults>> = {
  int8: {
    family: "affine",
    bits: 8,
    signed: true,
    symmetric: true,
    granularity: "channel",
    blockSize: 64,
    search: "absmax",
  },
  uint8: {
    family: "affine",
    bits: 8,
    signed: false,
    symmetric: false,
    granularity: "channel",
    blockSize: 64,
    search: "absmax",
  },
  int4: {
    family: "affine",
    bits: 4,
    signed: true,
    symmetric: false,
    granularity: "block",
    blockSize: 32,
    search: "mse",
  },
  uint4: {
    family: "affine",
    bits: 4,
    signed: false,
    symmetric: false,
    granularity: "block",
    blockSize: 32,
    search: "mse",
  },
  int2: {
    family: "affine",
    bits: 2,
    signed: true,
    symmetric: true,
    granularity: "block",
    blockSize: 16,
    search: "mse",
  },
  uint2: {
    family: "affine",
    bits: 2,
    signed: false,
    symmetric: false,
    granularity: "block",
    blockSize: 16,
    search: "mse",
  },
  nf4: {
    family: "table",
    bits: 4,
    signed: true,
    symmetric: true,
    granularity: "block",
    blockSize: 64,
    search: "absmax",
  },
  fp4: {
    family: "table",
    bits: 4,
    signed: true,
    symmetric: true,
    granularity: "block",
    blockSize: 64,
    search: "absmax",
  },
  fp16: {
    family: "half",
    bits: 16,
    signed: true,
    symmetric: true,
    granularity: "tensor",
    blockSize: 0,
    search: "absmax",
    restAsHalf: true,
  },
  q4f16: {
    family: "affine",
    bits: 4,
    signed: true,
    symmetric: false,
    granularity: "block",
    blockSize: 32,
    search: "mse",
    restAsHalf: true,
  },
  "dynamic-int8": {
    family: "dynamic",
    bits: 8,
    signed: true,
    symmetric: true,
    granularity: "channel",
    blockSize: 0,
    search: "absmax",
  },
  "dynamic-uint8": {
    family: "dynamic",
    bits: 8,
    signed: false,
    symmetric: false,
    granularity: "channel",
    blockSize: 0,
    search: "absmax",
  },
};

/**
 * Fills in a format's defaults and checks the combination.
 * @throws UsageError naming the option
 */
export function resolveFormat(name: FormatName, options: FormatOptions = {}): ResolvedFormat {
  const base = defaults[name];
  const granularity = options.granularity ?? (options.blockSize === undefined ? base.granularity : "block");
  const blockSize = granularity === "block" ? (options.blockSize ?? (base.blockSize || 32)) : 0;
  const powerOfTwo = Number.isInteger(Math.log2(blockSize));
  if (granularity === "block" && !(powerOfTwo && blockSize >= 16 && blockSize <= 256)) {
    throw new UsageError(`Block size ${blockSize} is not a power of two from 16 to 256.`, {
      hint: "Use --block 32, for example.",
    });
  }
  if (base.family !== "affine" && (options.symmetric !== undefined || options.operator !== undefined)) {
    throw new UsageError(`Format ${name} has no choice of symmetry or operator.`, {
      hint: "Leave the option out, or pick an int or uint format.",
    });
  }
  if (
    (base.family === "table" && granularity !== "block") ||
    (base.family === "half" && options.granularity !== undefined)
  ) {
    throw new UsageError(`Format ${name} has no granularity "${granularity}".`, { hint: "Leave the option out." });
  }
  if (options.operator === "matmul-nbits" && granularity !== "block") {
    throw new UsageError(`MatMulNBits has a scale per block, not per ${granularity}.`, { hint: "Add --block 32." });
  }
  if (base.family !== "affine" && options.search !== undefined && options.search.kind !== "absmax") {
    throw new UsageError(`Format ${name} has no scale search "${options.search.kind}".`, {
      hint: "Scale search applies to the int and uint formats.",
    });
  }
  const search = options.search ?? defaultSearch(base.search);
  return {
    name,
    family: base.family,
    bits: base.bits,
    signed: base.signed,
    symmetric: options.symmetric ?? base.symmetric,
    granularity,
    blockSize,
    search,
    operator: options.operator ?? "auto",
    restAsHalf: base.restAsHalf ?? false,
  };
}

function defaultSearch(kind: ScaleSearch["kind"]): ScaleSearch {
  return kind === "percentile" ? { kind, percentile: 99.9 } : { kind };
}

/** Affine codes under DequantizeLinear: ONNX rounds half to even and wants a positive scale. */
export function dequantizeLinearEncoding(format: ResolvedFormat): AffineEncoding {
  return {
    kind: "affine",
    bits: narrow(format.bits),
    signed: format.signed,
    scheme: format.symmetric ? "symmetric" : "asymmetric",
    rounding: "half-even",
  };
}

/** Affine codes under MatMulNBits and GatherBlockQuantized: unsigned codes, onnxruntime's own rule. */
export function blockOperatorEncoding(format: ResolvedFormat): AffineEncoding {
  return {
    kind: "affine",
    bits: narrow(format.bits),
    signed: false,
    scheme: format.symmetric ? "symmetric-full" : "asymmetric",
    rounding: "half-up",
  };
}

export const tableEncoding = (name: "nf4" | "fp4"): TableEncoding => ({ kind: "table", table: name });

/** One line for `--help` and reports. */
export function describeFormat(format: ResolvedFormat): string {
  const grain = format.granularity === "block" ? `blocks of ${format.blockSize}` : `per ${format.granularity}`;
  const symmetry = format.symmetric ? "symmetric" : "asymmetric";
  return format.family === "half"
    ? `${format.name}: 16-bit floats`
    : `${format.name}: ${grain}, ${symmetry}, ${format.search.kind} scales`;
}

export function isFormatName(text: string): text is FormatName {
  return formatNames.some((name) => name === text);
}

const narrow = (bits: ResolvedFormat["bits"]): AffineEncoding["bits"] => (bits === 16 ? 8 : bits);
