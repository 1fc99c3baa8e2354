// What can be asked of a weight: the encodings, the scale searches, and the shape of what a builder of
// quantization steps returns. Plain data; the builders live beside this file, one per encoding family.
import type { CodeLayout, Geometry } from "../../kernels/quantize/geometry.ts";
import type { Step, Upload } from "../../plan/types.ts";

/**
 * Affine integer codes: x ~ (code - zeroPoint) * scale.
 * symmetric       scale = absmax / (2^(bits-1) - 1), zeroPoint 0 (signed) or 2^(bits-1) (unsigned)
 * symmetric-full  scale = -(signed value of largest magnitude) / 2^(bits-1), as onnxruntime and ggml do
 * asymmetric      range widened to hold 0; scale = (max - min) / (2^bits - 1), zeroPoint rounded
 * code = round(x / scale) + zeroPoint within the code range; ties of the exact x / scale go to even, up, or
 * away from zero (rounding before the zero point is added, as ONNX QuantizeLinear does).
 */
export interface AffineEncoding {
  readonly kind: "affine";
  readonly bits: 2 | 4 | 8;
  readonly signed: boolean;
  readonly scheme: "symmetric" | "symmetric-full" | "asymmetric";
  readonly rounding: "half-even" | "half-up" | "half-away";
}

/** 4-bit look-up tables of bitsandbytes, f32 absmax per block; even element in the high nibble. */
export interface TableEncoding {
  readonly kind: "table";
  readonly table: "nf4" | "fp4";
  /** Quantize the absmax values again: blocks of 256, offset = mean, dynamic 8-bit map. */
  readonly doubleQuantized?: boolean;
}

/** 8-bit floats under an f32 scale per group: scale = absmax / largest finite value. */
export interface Float8Encoding {
  readonly kind: "float8";
  readonly element: "e4m3fn" | "e5m2";
}

/** OCP microscaling, blocks of 32 under an E8M0 scale. */
export interface MicroscalingEncoding {
  readonly kind: "mx";
  readonly element: "e2m1" | "e2m3" | "e3m2" | "e4m3" | "e5m2";
  readonly scaleRule: "floor" | "rceil" | "even";
}

/** E2M1 in blocks of 16 under an E4M3 scale, under one f32 scale per tensor. */
export interface Nvfp4Encoding {
  readonly kind: "nvfp4";
}

/** Codes 0, 1, 2 for -scale, 0, +scale, two bits each. */
export interface TernaryEncoding {
  readonly kind: "ternary";
  /** TWN: |w| > 0.7 mean|w|, scale = mean of those; absmean: round(w / mean|w|), scale = mean|w|. */
  readonly rule: "twn" | "absmean";
}

/** One sign bit, LSB first, 1 when x >= 0; scale = mean |x| of the group (XNOR-Net). */
export interface BinaryEncoding {
  readonly kind: "binary";
}

export interface CastEncoding {
  readonly kind: "cast";
  readonly to: "f16" | "bf16";
  /** Finite values beyond the range become the largest finite half; default infinity. */
  readonly saturate?: boolean;
}

export type Encoding =
  | AffineEncoding
  | TableEncoding
  | Float8Encoding
  | MicroscalingEncoding
  | Nvfp4Encoding
  | TernaryEncoding
  | BinaryEncoding
  | CastEncoding;

/** How the scale is chosen. `mse` and `hqq` never end with a larger (weighted) error than `absmax`. */
export type ScaleSearch =
  | { readonly kind: "absmax" }
  /** Clip at this percentile of |x| (of x, both ends, when asymmetric); 50 < percentile <= 100. */
  | { readonly kind: "percentile"; readonly percentile: number }
  | { readonly kind: "mse" }
  | { readonly kind: "hqq" };

/** How scales are stored; codes are chosen for the stored value. */
export type ScaleType = "f32" | "f16";

export interface EncodeRequest {
  readonly encoding: Encoding;
  readonly geometry: Geometry;
  readonly layout: CodeLayout;
  readonly search: ScaleSearch;
  readonly scaleType: ScaleType;
  /** Buffer names in the unit. `source` holds f32 elements in natural order. */
  readonly source: string;
  /** f32 importance per element of `dim` (blocked geometry), for mse and hqq. */
  readonly importance?: string;
  /** Prefix that keeps scratch buffers of several requests in one unit apart. */
  readonly prefix: string;
}

/** One buffer that an encoding leaves behind: its packed bytes go to the file as they are. */
export interface EncodedPart {
  readonly buffer: string;
  /** Bytes that count; the buffer itself is padded to 4. */
  readonly bytes: number;
}

export interface EncodeSteps {
  /** Buffers that the steps add to the unit, scratch included; sizes are multiples of 4. */
  readonly buffers: Readonly<Record<string, number>>;
  readonly uploads: readonly Upload[];
  readonly steps: readonly Step[];
  /**
   * codes        packed codes in the asked layout
   * scales       one per group in the order of the layout: natural (o, b, i), rows (o, i, b), wide (c);
   *              f32 or f16, E8M0 bytes for mx, E4M3 bytes for nvfp4, absmax for tables
   * zeroPoints   asymmetric and unsigned affine only; bits wide, packed low first; natural: without
   *              gaps; rows: each row of blocks padded to a byte
   */
  readonly codes: EncodedPart;
  readonly scales?: EncodedPart;
  readonly zeroPoints?: EncodedPart;
  /** nvfp4: one f32; nested tables: absmax codes, map, offset … */
  readonly extra?: Readonly<Record<string, EncodedPart>>;
}
