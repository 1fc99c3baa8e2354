// Steps that turn a tensor into FP8 under f32 scales, OCP microscaling or NVFP4, and back to f32.
// Scales are chosen by absmax. Codes are nearest to the real quotient by the stored scale, ties to even.
import { InternalError, UnsupportedError } from "../../base/errors.ts";
import { e2m1, e2m3, e3m2, e4m3fn, e5m2, largestValue, microfloatBits } from "../../base/microfloat.ts";
import type { DeviceProfile } from "../../base/profile.ts";
import { absmaxScaleCall, absmaxScaleSpec } from "../../kernels/quantize/absmax-scale.ts";
import { float8DecodeCall, float8DecodeSpec } from "../../kernels/quantize/float8-decode.ts";
import { float8EncodeCall, float8EncodeSpec } from "../../kernels/quantize/float8-encode.ts";
import {
  codeCount,
  elementsOf,
  groupCount,
  type BlockedGeometry,
  type Geometry,
} from "../../kernels/quantize/geometry.ts";
import { mxDecodeCall, mxDecodeSpec } from "../../kernels/quantize/mx-decode.ts";
import { mxEncodeCall, mxEncodeSpec } from "../../kernels/quantize/mx-encode.ts";
import { mxScaleCall, mxScaleSpec } from "../../kernels/quantize/mx-scale.ts";
import { nvfp4DecodeCall, nvfp4DecodeSpec } from "../../kernels/quantize/nvfp4-decode.ts";
import { nvfp4EncodeCall, nvfp4EncodeSpec } from "../../kernels/quantize/nvfp4-encode.ts";
import { nvfp4ScaleCall, nvfp4ScaleSpec } from "../../kernels/quantize/nvfp4-scale.ts";
import { packedBytes, segmentsOf } from "../../kernels/quantize/shape.ts";
import type { EncodeRequest, EncodeSteps, MicroscalingEncoding } from "./encoding.ts";
import {
  absmaxSteps,
  fitting,
  joined,
  loadedScales,
  part,
  requireAbsmax,
  storedScales,
  type StepsPiece,
} from "./group-steps.ts";
import { kernelStep, wordBytes } from "./kernel-step.ts";

const mxElements = { e2m1, e2m3, e3m2, e4m3: e4m3fn, e5m2 } as const;
const mxBlock = 32;
const nvfp4Block = 16;
/** Largest E4M3 times largest E2M1: what the tensor's absmax is mapped to. */
const nvfp4Range = 448 * 6;

/** Bytes that count of `codes` codes; the buffer is padded to whole words. */
const codeBytes = (codes: number, bits: number): number => Math.ceil((codes * bits) / 8);

/**
 * FP8 codes under scales absmax / largest finite value; f16 scales are rounded before codes are chosen.
 * @throws UnsupportedError for searches other than absmax, or pieces too large for the device
 */
export function float8EncodeSteps(profile: DeviceProfile, request: EncodeRequest): EncodeSteps {
  requireAbsmax(request);
  const element = float8Element(request);
  const { geometry, layout, source, prefix, scaleType } = request;
  const groups = groupCount(geometry);
  const [absmax, scales, codes] = [`${prefix}absmax`, `${prefix}scales`, `${prefix}codes`];
  const count = codeCount(geometry, layout);
  const { piece, stored } = storedScales(profile, scales, groups, scaleType);
  const all = joined(
    absmaxSteps(profile, source, geometry, layout, { groups, ...segmentsOf(geometry) }, absmax),
    {
      buffers: { [scales]: groups * 4, [codes]: packedBytes(count, 8) },
      steps: [
        kernelStep(
          profile,
          absmaxScaleSpec,
          absmaxScaleCall(groups, largestValue(element), { half: scaleType === "f16" }),
          [absmax, scales],
        ),
        kernelStep(profile, float8EncodeSpec, float8EncodeCall(geometry, layout, element), [source, scales, codes]),
      ],
    },
    piece,
  );
  return fitting(profile, { ...all, codes: part(codes, count), scales: stored });
}

/** FP8 back to f32 in natural order into `target`, elements * 4 bytes (added to the buffers). */
export function float8DecodeSteps(
  profile: DeviceProfile,
  request: EncodeRequest,
  encoded: EncodeSteps,
  target: string,
): StepsPiece {
  const { geometry, layout, prefix, scaleType } = request;
  const stored = present(encoded.scales);
  const { piece, scales } = loadedScales(profile, stored, groupCount(geometry), scaleType, `${prefix}decode.scales`);
  return fitting(
    profile,
    joined(piece, {
      buffers: { [target]: elementsOf(geometry) * 4 },
      steps: [
        kernelStep(profile, float8DecodeSpec, float8DecodeCall(geometry, layout, float8Element(request)), [
          encoded.codes.buffer,
          scales,
          target,
        ]),
      ],
    }),
  );
}

/**
 * Microscaling: blocks of 32 under E8M0 bytes. `scaleType` has no say.
 * @throws UnsupportedError for searches other than absmax, other blocks, or pieces too large
 */
export function mxEncodeSteps(profile: DeviceProfile, request: EncodeRequest): EncodeSteps {
  requireAbsmax(request);
  const { element: name, scaleRule } = mxEncoding(request);
  const element = mxElements[name];
  const geometry = blockedBy(request.geometry, mxBlock, "Microscaling");
  const { layout, source, prefix } = request;
  const [scales, codes] = [`${prefix}scales`, `${prefix}codes`];
  const groups = groupCount(geometry);
  const count = codeCount(geometry, layout);
  const bits = microfloatBits(element);
  return fitting(profile, {
    buffers: { [scales]: wordBytes(groups), [codes]: packedBytes(count, bits) },
    uploads: [],
    steps: [
      kernelStep(profile, mxScaleSpec, mxScaleCall(geometry, layout, element, scaleRule), [source, scales]),
      kernelStep(profile, mxEncodeSpec, mxEncodeCall(geometry, layout, element), [source, scales, codes]),
    ],
    codes: part(codes, codeBytes(count, bits)),
    scales: part(scales, groups),
  });
}

/** Microscaling back to f32 in natural order into `target`, elements * 4 bytes (added to the buffers). */
export function mxDecodeSteps(
  profile: DeviceProfile,
  request: EncodeRequest,
  encoded: EncodeSteps,
  target: string,
): StepsPiece {
  const { geometry, layout } = request;
  const call = mxDecodeCall(geometry, layout, mxElements[mxEncoding(request).element]);
  return fitting(profile, {
    buffers: { [target]: elementsOf(geometry) * 4 },
    uploads: [],
    steps: [kernelStep(profile, mxDecodeSpec, call, [encoded.codes.buffer, present(encoded.scales).buffer, target])],
  });
}

/**
 * NVFP4: blocks of 16 under E4M3 bytes, `extra.globalScale` one f32, 2688 / absmax of the whole source, by
 * which readers divide. A tensor cut into pieces gets one global scale per piece.
 * @throws UnsupportedError for searches other than absmax, other blocks, or pieces too large
 */
export function nvfp4EncodeSteps(profile: DeviceProfile, request: EncodeRequest): EncodeSteps {
  requireAbsmax(request);
  const geometry = blockedBy(request.geometry, nvfp4Block, "NVFP4");
  const { layout, source, prefix } = request;
  const [absmax, globalScale] = [`${prefix}absmax`, `${prefix}globalScale`];
  const [scales, codes] = [`${prefix}scales`, `${prefix}codes`];
  const whole: Geometry = { kind: "wide", outer: 1, channels: 1, inner: elementsOf(geometry) };
  const groups = groupCount(geometry);
  const count = codeCount(geometry, layout);
  const all = joined(absmaxSteps(profile, source, whole, "natural", { groups: 1, ...segmentsOf(whole) }, absmax), {
    buffers: { [globalScale]: 4, [scales]: wordBytes(groups), [codes]: packedBytes(count, 4) },
    steps: [
      kernelStep(profile, absmaxScaleSpec, absmaxScaleCall(1, nvfp4Range, { inverse: true }), [absmax, globalScale]),
      kernelStep(profile, nvfp4ScaleSpec, nvfp4ScaleCall(geometry, layout), [source, globalScale, scales]),
      kernelStep(profile, nvfp4EncodeSpec, nvfp4EncodeCall(geometry, layout), [source, globalScale, scales, codes]),
    ],
  });
  return fitting(profile, {
    ...all,
    codes: part(codes, codeBytes(count, 4)),
    scales: part(scales, groups),
    extra: { globalScale: part(globalScale, 4) },
  });
}

/** NVFP4 back to f32 in natural order into `target`, elements * 4 bytes (added to the buffers). */
export function nvfp4DecodeSteps(
  profile: DeviceProfile,
  request: EncodeRequest,
  encoded: EncodeSteps,
  target: string,
): StepsPiece {
  const { geometry, layout } = request;
  const globalScale = present(encoded.extra?.["globalScale"]).buffer;
  const bindings = [encoded.codes.buffer, globalScale, present(encoded.scales).buffer, target];
  return fitting(profile, {
    buffers: { [target]: elementsOf(geometry) * 4 },
    uploads: [],
    steps: [kernelStep(profile, nvfp4DecodeSpec, nvfp4DecodeCall(geometry, layout), bindings)],
  });
}

function float8Element({ encoding }: EncodeRequest) {
  if (encoding.kind !== "float8") throw new InternalError(`Encoding ${encoding.kind} came to the FP8 steps.`);
  return encoding.element === "e5m2" ? e5m2 : e4m3fn;
}

function mxEncoding({ encoding }: EncodeRequest): MicroscalingEncoding {
  if (encoding.kind !== "mx") throw new InternalError(`Encoding ${encoding.kind} came to the microscaling steps.`);
  return encoding;
}

function blockedBy(geometry: Geometry, blockSize: number, name: string): BlockedGeometry {
  if (geometry.kind === "blocked" && geometry.blockSize === blockSize) return geometry;
  throw new UnsupportedError(`${name} has blocks of ${blockSize}, nothing else.`, { hint: `Use block ${blockSize}.` });
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new InternalError("A part of the encoding is missing.");
  return value;
}
