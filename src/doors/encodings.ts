// Which steps encode and decode each encoding, and short ways to name encodings and shapes.
import type { DeviceProfile } from "../base/profile.ts";
import { affineDecodeCall, affineDecodeSpec } from "../kernels/quantize/affine-decode.ts";
import { elementsOf, type BlockedGeometry } from "../kernels/quantize/geometry.ts";
import { affineEncodeSteps } from "../methods/quantize/affine-steps.ts";
import { castEncodeSteps, widenSteps } from "../methods/quantize/cast-steps.ts";
import type { AffineEncoding, EncodeRequest, EncodeSteps } from "../methods/quantize/encoding.ts";
import {
  float8DecodeSteps,
  float8EncodeSteps,
  mxDecodeSteps,
  mxEncodeSteps,
  nvfp4DecodeSteps,
  nvfp4EncodeSteps,
} from "../methods/quantize/float-steps.ts";
import { kernelStep } from "../methods/quantize/kernel-step.ts";
import {
  binaryDecodeSteps,
  binaryEncodeSteps,
  ternaryDecodeSteps,
  ternaryEncodeSteps,
} from "../methods/quantize/low-bit-steps.ts";
import { tableDecodeSteps, tableEncodeSteps } from "../methods/quantize/table-steps.ts";
import type { ProgramSteps } from "./program.ts";

/**
 * Affine integer codes by short name: "int4" is signed and symmetric around 0, "uint4" has zero points.
 * Ties go to even. For other schemes write the AffineEncoding out.
 */
export function affineEncoding(name: "int8" | "uint8" | "int4" | "uint4" | "int2" | "uint2"): AffineEncoding {
  const signed = name.startsWith("int");
  const bits = name.endsWith("8") ? 8 : name.endsWith("4") ? 4 : 2;
  return { kind: "affine", bits, signed, scheme: signed ? "symmetric" : "asymmetric", rounding: "half-even" };
}

/** The geometry of a weight matrix [rows, cols] whose rows are cut into blocks. */
export function rowBlocks(rows: number, cols: number, blockSize: number): BlockedGeometry {
  return { kind: "blocked", outer: rows, dim: cols, inner: 1, blockSize };
}

type Encoder = (profile: DeviceProfile, request: EncodeRequest) => EncodeSteps;
type Decoder = (profile: DeviceProfile, request: EncodeRequest, encoded: EncodeSteps, target: string) => ProgramSteps;

const encoders: Readonly<Record<EncodeRequest["encoding"]["kind"], Encoder>> = {
  affine: affineEncodeSteps,
  table: tableEncodeSteps,
  float8: float8EncodeSteps,
  mx: mxEncodeSteps,
  nvfp4: nvfp4EncodeSteps,
  ternary: ternaryEncodeSteps,
  binary: binaryEncodeSteps,
  cast: castEncodeSteps,
};

const decoders: Readonly<Record<EncodeRequest["encoding"]["kind"], Decoder>> = {
  affine: affineDecodeSteps,
  table: tableDecodeSteps,
  float8: float8DecodeSteps,
  mx: mxDecodeSteps,
  nvfp4: nvfp4DecodeSteps,
  ternary: ternaryDecodeSteps,
  binary: binaryDecodeSteps,
  cast: castDecodeSteps,
};

/** Steps from f32 elements to packed parts, whichever the encoding. */
export const encodeStepsOf: Encoder = (profile, request) => encoders[request.encoding.kind](profile, request);

/** Steps from packed parts back to f32 in `target`, in the natural order of the geometry. */
export const decodeStepsOf: Decoder = (profile, request, encoded, target) =>
  decoders[request.encoding.kind](profile, request, encoded, target);

function affineDecodeSteps(
  profile: DeviceProfile,
  { encoding, geometry, layout, scaleType, prefix }: EncodeRequest,
  { codes, scales, zeroPoints }: EncodeSteps,
  target: string,
): ProgramSteps {
  if (encoding.kind !== "affine" || !scales) return { buffers: {}, steps: [] };
  const rule = { ...encoding, halfScales: scaleType === "f16" };
  const none = `${prefix}noZeroPoints`;
  const bindings = [codes.buffer, scales.buffer, zeroPoints?.buffer ?? none, target];
  return {
    buffers: { [target]: elementsOf(geometry) * 4, ...(zeroPoints ? {} : { [none]: 4 }) },
    steps: [kernelStep(profile, affineDecodeSpec, affineDecodeCall(geometry, layout, rule), bindings)],
  };
}

function castDecodeSteps(
  profile: DeviceProfile,
  { encoding, geometry, prefix }: EncodeRequest,
  { codes }: EncodeSteps,
  target: string,
): ProgramSteps {
  if (encoding.kind !== "cast") return { buffers: {}, steps: [] };
  return widenSteps(profile, {
    from: encoding.to,
    source: codes.buffer,
    target,
    count: elementsOf(geometry),
    prefix,
  });
}
