// Casts between f32 and the half types as steps of a work unit.
import { InternalError } from "../../base/errors.ts";
import type { DeviceProfile } from "../../base/profile.ts";
import { narrowCounterBytes, narrowHalfCall, narrowHalfSpec } from "../../kernels/cast/narrow-half.ts";
import { widenHalfCall, widenHalfSpec, type HalfType } from "../../kernels/cast/widen-half.ts";
import { elementsOf } from "../../kernels/quantize/geometry.ts";
import type { Step } from "../../plan/types.ts";
import type { CastEncoding, EncodeRequest, EncodeSteps } from "./encoding.ts";
import { tensorErrorSteps, type RecordSteps } from "./error-steps.ts";
import { kernelStep, wordBytes } from "./kernel-step.ts";

/** Largest finite value of each half type. */
export const largestHalf: Readonly<Record<HalfType, number>> = { f16: 65_504, bf16: (2 - 2 ** -7) * 2 ** 127 };

export interface WidenRequest {
  readonly from: HalfType;
  /** Packed halves, 2 * count bytes padded to 4. */
  readonly source: string;
  /** f32, 4 * count bytes; added to the unit's buffers. */
  readonly target: string;
  readonly count: number;
  readonly prefix: string;
}

/** Halves to f32, exact. */
export function widenSteps(
  profile: DeviceProfile,
  { from, source, target, count }: WidenRequest,
): { readonly buffers: Readonly<Record<string, number>>; readonly steps: readonly Step[] } {
  return {
    buffers: { [target]: count * 4 },
    steps: [kernelStep(profile, widenHalfSpec, widenHalfCall(from, count), [source, target])],
  };
}

function castOf(request: EncodeRequest): CastEncoding {
  if (request.encoding.kind === "cast") return request.encoding;
  throw new InternalError(`castEncodeSteps was asked for encoding "${request.encoding.kind}".`);
}

/**
 * f32 to halves, in the source's order whatever the geometry. `extra.counters` holds the words of
 * narrowCounterWords: values that overflowed to infinity, that became zero, and that were not finite before.
 */
export function castEncodeSteps(profile: DeviceProfile, request: EncodeRequest): EncodeSteps {
  const { to, saturate = false } = castOf(request);
  const count = elementsOf(request.geometry);
  const [codes, counters] = [`${request.prefix}codes`, `${request.prefix}counters`];
  return {
    buffers: { [codes]: wordBytes(count * 2), [counters]: narrowCounterBytes },
    uploads: [{ buffer: counters, data: { kind: "inline", words: [0, 0, 0] } }],
    steps: [
      kernelStep(profile, narrowHalfSpec, narrowHalfCall(to, count, { saturate }), [request.source, codes, counters]),
    ],
    codes: { buffer: codes, bytes: count * 2 },
    extra: { counters: { buffer: counters, bytes: narrowCounterBytes } },
  };
}

/** What a cast lost; values beyond the half type's largest count as clipped. */
export function castErrorSteps(profile: DeviceProfile, request: EncodeRequest, encoded: EncodeSteps): RecordSteps {
  const { to } = castOf(request);
  const { source, prefix } = request;
  const count = elementsOf(request.geometry);
  const decoded = `${prefix}decoded`;
  const widened = widenSteps(profile, { from: to, source: encoded.codes.buffer, target: decoded, count, prefix });
  const errors = tensorErrorSteps(profile, { source, decoded, count, prefix, clipLimit: largestHalf[to] });
  return {
    buffers: { ...widened.buffers, ...errors.buffers },
    steps: [...widened.steps, ...errors.steps],
    records: errors.records,
  };
}
