// Picks the step builders of the float and very-low-bit encodings; for tests.
import type { DeviceProfile } from "../../src/base/profile.ts";
import type { CodeLayout, Geometry } from "../../src/kernels/quantize/geometry.ts";
import type { Encoding, EncodeRequest, EncodeSteps, ScaleType } from "../../src/methods/quantize/encoding.ts";
import {
  float8DecodeSteps,
  float8EncodeSteps,
  mxDecodeSteps,
  mxEncodeSteps,
  nvfp4DecodeSteps,
  nvfp4EncodeSteps,
} from "../../src/methods/quantize/float-steps.ts";
import {
  binaryDecodeSteps,
  binaryEncodeSteps,
  ternaryDecodeSteps,
  ternaryEncodeSteps,
} from "../../src/methods/quantize/low-bit-steps.ts";
import type { StepsToRun } from "./run-steps.ts";

const builders = {
  float8: { encode: float8EncodeSteps, decode: float8DecodeSteps },
  mx: { encode: mxEncodeSteps, decode: mxDecodeSteps },
  nvfp4: { encode: nvfp4EncodeSteps, decode: nvfp4DecodeSteps },
  ternary: { encode: ternaryEncodeSteps, decode: ternaryDecodeSteps },
  binary: { encode: binaryEncodeSteps, decode: binaryDecodeSteps },
} as const;

export function stepsFor({ encoding }: EncodeRequest): (typeof builders)[keyof typeof builders] {
  if (encoding.kind === "affine" || encoding.kind === "table" || encoding.kind === "cast") {
    throw new Error(`${encoding.kind} is tested elsewhere`);
  }
  return builders[encoding.kind];
}

export const requestOf = (
  encoding: Encoding,
  geometry: Geometry,
  layout: CodeLayout,
  scaleType: ScaleType,
): EncodeRequest => ({
  encoding,
  geometry,
  layout,
  search: { kind: "absmax" },
  scaleType,
  source: "source",
  prefix: "q.",
});

/** The steps that encode `source` and decode it into `decoded`. */
export function encodeAndDecode(
  profile: DeviceProfile,
  request: EncodeRequest,
): { readonly pieces: readonly StepsToRun[]; readonly encoded: EncodeSteps } {
  const { encode, decode } = stepsFor(request);
  const encoded = encode(profile, request);
  return { encoded, pieces: [encoded, decode(profile, request, encoded, "decoded")] };
}
