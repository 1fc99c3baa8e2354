// Constants of integer codes, decoded on the device from the bytes of the file: a quarter of an i32's bytes or less
// travel there, and nothing is unpacked on the host.
import { byteLengthOf } from "../../base/dtypes.ts";
import { dtypeOf } from "../../formats/onnx/dtypes.ts";
import { OnnxType } from "../../formats/onnx/ir.ts";
import { affineDecodeCall } from "../../kernels/quantize/affine-decode.ts";
import type { Bits } from "../../kernels/quantize/affine-rule.ts";
import { groupCount, type Geometry } from "../../kernels/quantize/geometry.ts";
import type { GraphBuilder } from "../builder.ts";
import { sizeOf, type Value } from "../values.ts";

export interface CodeType {
  readonly bits: Bits;
  readonly signed: boolean;
}

const codeTypes: Readonly<Record<number, CodeType>> = {
  [OnnxType.INT8]: { bits: 8, signed: true },
  [OnnxType.UINT8]: { bits: 8, signed: false },
  [OnnxType.INT4]: { bits: 4, signed: true },
  [OnnxType.UINT4]: { bits: 4, signed: false },
  [OnnxType.INT2]: { bits: 2, signed: true },
  [OnnxType.UINT2]: { bits: 2, signed: false },
};

/** How a type's elements are packed; undefined for types of whole words and floats. */
export const codeTypeOf = (type: number): CodeType | undefined => codeTypes[type];

/** The bytes of a constant as its file has them; undefined for what is computed or was read as another type. */
export function packedBytesOf(b: GraphBuilder, value: Value): Value | undefined {
  const { tensor } = value;
  if (!tensor || value.buffer !== undefined || tensor.dataType !== value.type) return undefined;
  return b.packed(tensor, byteLengthOf(dtypeOf(tensor.dataType), sizeOf(tensor.dims)));
}

/** Scale and zero point of each group, as many of both as the geometry has groups. */
export interface DecodeParts {
  readonly scale: Value;
  /** A constant of the codes' own type; absent for 0. */
  readonly zero?: Value | undefined;
}

/**
 * (codes - zero) * scale as floats of `type`.
 * @returns undefined for codes that are no packed constant, or too many for the kernel
 */
export function decodeConstant(
  b: GraphBuilder,
  codes: Value,
  geometry: Geometry,
  { scale, zero }: DecodeParts,
  type: number,
): Value | undefined {
  const kind = codeTypeOf(codes.type);
  const [count, groups] = [sizeOf(codes.dims), groupCount(geometry)];
  if (!kind || count === 0 || count >= 2 ** 29 || sizeOf(scale.dims) !== groups) return undefined;
  if (zero && (zero.type !== codes.type || sizeOf(zero.dims) !== groups)) return undefined;
  const zeros = zero ? packedBytesOf(b, zero) : b.none();
  const packed = zeros && packedBytesOf(b, codes);
  if (!packed) return undefined;
  const rule = { ...kind, scheme: zero ? "asymmetric" : "symmetric", halfScales: false } as const;
  const call = affineDecodeCall(geometry, "natural", rule);
  const y = b.temp(type, codes.dims, codes.name);
  // The kernel's own zero point of a symmetric scheme is the middle code; ONNX's is 0.
  b.emit({ ...call, params: { ...call.params, zero: 0 } }, [packed, scale, zeros, y]);
  return y;
}
