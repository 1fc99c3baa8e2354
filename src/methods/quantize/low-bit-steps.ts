// Steps that turn a tensor into ternary or binary codes under mean-magnitude scales, and back to f32.
// Means come from integer sums, so every byte is the same on every device.
// Ternary: Li and Liu, Ternary Weight Networks (2016); absmean of BitNet b1.58 (2024). Binary:
// Rastegari et al., XNOR-Net (2016).
import { InternalError } from "../../base/errors.ts";
import type { DeviceProfile } from "../../base/profile.ts";
import { binaryDecodeCall, binaryDecodeSpec } from "../../kernels/quantize/binary-decode.ts";
import { binaryEncodeCall, binaryEncodeSpec } from "../../kernels/quantize/binary-encode.ts";
import type { KernelSpec } from "../../kernels/kernel.ts";
import { codeCount, elementsOf, groupCount } from "../../kernels/quantize/geometry.ts";
import { groupMeanCall, groupMeanSpec } from "../../kernels/quantize/group-mean.ts";
import { groupSumCall, groupSumSpec } from "../../kernels/quantize/group-sum.ts";
import { packedBytes, segmentsOf } from "../../kernels/quantize/shape.ts";
import { ternaryDecodeCall, ternaryDecodeSpec } from "../../kernels/quantize/ternary-decode.ts";
import { ternaryEncodeCall, ternaryEncodeSpec } from "../../kernels/quantize/ternary-encode.ts";
import type { EncodeRequest, EncodeSteps } from "./encoding.ts";
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
import { kernelStep } from "./kernel-step.ts";

/** Share of the mean magnitude beyond which TWN keeps a weight. */
const twnShare = 0.7;
/** round(w / mean) is not 0 beyond half the mean; the half itself goes to the even 0. */
const absmeanShare = 0.5;

/**
 * Ternary codes, two bits each. TWN: threshold f32(0.7 * mean|w|), scale the mean |w| beyond it. Absmean:
 * scale mean|w|, threshold half of the stored scale.
 * @throws UnsupportedError for searches other than absmax, or pieces too large for the device
 */
export function ternaryEncodeSteps(profile: DeviceProfile, request: EncodeRequest): EncodeSteps {
  requireAbsmax(request);
  const { encoding, geometry, layout, source, prefix, scaleType } = request;
  if (encoding.kind !== "ternary") throw new InternalError(`Encoding ${encoding.kind} came to the ternary steps.`);
  const groups = groupCount(geometry);
  const count = codeCount(geometry, layout);
  const [scales, thresholds, codes] = [`${prefix}scales`, `${prefix}thresholds`, `${prefix}codes`];
  const half = scaleType === "f16";
  const pieces: Partial<StepsPiece>[] = [];
  if (encoding.rule === "twn") {
    pieces.push(
      meanSteps(profile, request, { means: `${prefix}means`, thresholds, factor: twnShare, half: false }),
      meanSteps(profile, request, {
        means: scales,
        thresholds: `${prefix}unused`,
        factor: 0,
        half,
        beyond: thresholds,
      }),
    );
  } else {
    pieces.push(meanSteps(profile, request, { means: scales, thresholds, factor: absmeanShare, half }));
  }
  pieces.push({
    buffers: { [codes]: packedBytes(count, 2) },
    steps: [kernelStep(profile, ternaryEncodeSpec, ternaryEncodeCall(geometry, layout), [source, thresholds, codes])],
  });
  const { piece, stored } = storedScales(profile, scales, groups, scaleType);
  const all = joined(...pieces, piece);
  return fitting(profile, { ...all, codes: part(codes, Math.ceil(count / 4)), scales: stored });
}

/**
 * Sign bits under scales mean|w|.
 * @throws UnsupportedError for searches other than absmax, or pieces too large for the device
 */
export function binaryEncodeSteps(profile: DeviceProfile, request: EncodeRequest): EncodeSteps {
  requireAbsmax(request);
  const { geometry, layout, source, prefix, scaleType } = request;
  const groups = groupCount(geometry);
  const count = codeCount(geometry, layout);
  const [scales, codes] = [`${prefix}scales`, `${prefix}codes`];
  const { piece, stored } = storedScales(profile, scales, groups, scaleType);
  const half = scaleType === "f16";
  const all = joined(
    meanSteps(profile, request, { means: scales, thresholds: `${prefix}unused`, factor: 0, half }),
    {
      buffers: { [codes]: packedBytes(count, 1) },
      steps: [kernelStep(profile, binaryEncodeSpec, binaryEncodeCall(geometry, layout), [source, codes])],
    },
    piece,
  );
  return fitting(profile, { ...all, codes: part(codes, Math.ceil(count / 8)), scales: stored });
}

/** Ternary codes back to f32 in natural order into `target`, elements * 4 bytes (added to the buffers). */
export function ternaryDecodeSteps(
  profile: DeviceProfile,
  request: EncodeRequest,
  encoded: EncodeSteps,
  target: string,
): StepsPiece {
  return decodeSteps(profile, request, encoded, target, { spec: ternaryDecodeSpec, call: ternaryDecodeCall });
}

/** Sign bits back to f32 in natural order into `target`, elements * 4 bytes (added to the buffers). */
export function binaryDecodeSteps(
  profile: DeviceProfile,
  request: EncodeRequest,
  encoded: EncodeSteps,
  target: string,
): StepsPiece {
  return decodeSteps(profile, request, encoded, target, { spec: binaryDecodeSpec, call: binaryDecodeCall });
}

interface MeanRequest {
  readonly means: string;
  readonly thresholds: string;
  readonly factor: number;
  readonly half: boolean;
  /** Count only magnitudes beyond these thresholds; needs the maxima of an earlier piece. */
  readonly beyond?: string;
}

/** Means of |x| per group, or of those beyond thresholds, and factor times them. */
function meanSteps(profile: DeviceProfile, request: EncodeRequest, wanted: MeanRequest): StepsPiece {
  const { geometry, layout, source, prefix } = request;
  const { means, thresholds, factor, half, beyond } = wanted;
  const cut = { groups: groupCount(geometry), ...segmentsOf(geometry) };
  const [absmax, sums] = [`${prefix}absmax`, `${prefix}sums`];
  const maxima = beyond === undefined ? absmaxSteps(profile, source, geometry, layout, cut, absmax) : {};
  return joined(maxima, {
    buffers: { [sums]: cut.groups * cut.segments * 12, [means]: cut.groups * 4, [thresholds]: cut.groups * 4 },
    steps: [
      kernelStep(profile, groupSumSpec, groupSumCall(geometry, layout, cut, beyond !== undefined), [
        source,
        absmax,
        beyond ?? absmax,
        sums,
      ]),
      kernelStep(profile, groupMeanSpec, groupMeanCall(cut.groups, cut.segments, factor, half), [
        absmax,
        sums,
        means,
        thresholds,
      ]),
    ],
  });
}

function decodeSteps(
  profile: DeviceProfile,
  { geometry, layout, prefix, scaleType }: EncodeRequest,
  encoded: EncodeSteps,
  target: string,
  { spec, call }: { readonly spec: KernelSpec; readonly call: typeof ternaryDecodeCall },
): StepsPiece {
  if (!encoded.scales) throw new InternalError("The encoding has no scales.");
  const scratch = `${prefix}decode.scales`;
  const { piece, scales } = loadedScales(profile, encoded.scales, groupCount(geometry), scaleType, scratch);
  return fitting(
    profile,
    joined(piece, {
      buffers: { [target]: elementsOf(geometry) * 4 },
      steps: [kernelStep(profile, spec, call(geometry, layout), [encoded.codes.buffer, scales, target])],
    }),
  );
}
