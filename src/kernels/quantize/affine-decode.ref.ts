// Reference of quantize/affine-decode: fround((code - zero point) * scale) for every element.
import { decodeHalf } from "../../base/half.ts";
import type { KernelReference } from "../kernel.ts";
import { ruleOf, type AffineRule } from "./affine-rule.ts";
import { asF32, forEachElement, getCode, shapeOf, type ShapeParams } from "./shape.ts";

function readCode(bytes: Uint8Array, position: number, { bits, signed }: AffineRule): number {
  const code = getCode(bytes, position, bits);
  return signed && code >= 2 ** (bits - 1) ? code - 2 ** bits : code;
}

/** Where a group's packed zero point lies, counted in zero points: rows of blocks start on bytes. */
function zeroPosition(group: number, shape: ShapeParams, bits: number): number {
  if (shape.order !== 1) return group;
  const padded = (Math.ceil((shape.blocks * bits) / 8) * 8) / bits;
  return Math.floor(group / shape.blocks) * padded + (group % shape.blocks);
}

export const affineDecodeReference: KernelReference = (params, [codes, scales, zeroPoints, decoded]) => {
  if (!codes || !scales || !zeroPoints) return;
  const { packed_zeros: packedZeros = 0, zero = 0, half_scales: halfScales = 0 } = params;
  const [rule, shape, out] = [ruleOf(params), shapeOf(params), asF32(decoded)];
  const view = new DataView(scales.buffer, scales.byteOffset, scales.byteLength);
  forEachElement(shape, (element, position, group) => {
    const scale = halfScales ? decodeHalf(view.getUint16(group * 2, true)) : view.getFloat32(group * 4, true);
    const zeroPoint = packedZeros ? readCode(zeroPoints, zeroPosition(group, shape, rule.bits), rule) : zero;
    out[element] = (readCode(codes, position, rule) - zeroPoint) * scale;
  });
};
