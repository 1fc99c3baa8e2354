// Steps that the float and very-low-bit encodings share: maxima of groups, scales kept as f32 or f16.
import { UnsupportedError } from "../../base/errors.ts";
import type { DeviceProfile } from "../../base/profile.ts";
import {
  narrowCounterBytes,
  narrowCounterWords,
  narrowHalfCall,
  narrowHalfSpec,
} from "../../kernels/cast/narrow-half.ts";
import { widenHalfCall, widenHalfSpec } from "../../kernels/cast/widen-half.ts";
import { groupAbsmaxCall, groupAbsmaxSpec } from "../../kernels/quantize/group-absmax.ts";
import type { CodeLayout, Geometry } from "../../kernels/quantize/geometry.ts";
import { partialsOf, type Segmentation } from "../../kernels/quantize/shape.ts";
import type { Step, Upload } from "../../plan/types.ts";
import type { EncodedPart, EncodeRequest, ScaleType } from "./encoding.ts";
import { kernelStep, wordBytes } from "./kernel-step.ts";

/** What steps add to a unit. */
export interface StepsPiece {
  readonly buffers: Readonly<Record<string, number>>;
  readonly uploads: readonly Upload[];
  readonly steps: readonly Step[];
}

/** A part whose buffer is just large enough. */
export const part = (buffer: string, bytes: number): EncodedPart => ({ buffer, bytes });

/** Joins pieces in order. */
export function joined(...pieces: readonly Partial<StepsPiece>[]): StepsPiece {
  return {
    buffers: Object.assign({}, ...pieces.map(({ buffers }) => buffers)) as Record<string, number>,
    uploads: pieces.flatMap(({ uploads = [] }) => uploads),
    steps: pieces.flatMap(({ steps = [] }) => steps),
  };
}

/**
 * Lets a piece through if each of its buffers can be bound on the device.
 * @throws UnsupportedError with the buffer, its size and the limit
 */
export function fitting<T extends StepsPiece>(profile: DeviceProfile, piece: T): T {
  const limit = profile.limits.maxStorageBufferBindingSize;
  for (const [buffer, bytes] of Object.entries(piece.buffers)) {
    if (bytes <= limit) continue;
    throw new UnsupportedError(`Buffer ${buffer} needs ${bytes} bytes, more than one binding of the device holds.`, {
      hint: "Cut the tensor into smaller pieces.",
      details: { buffer, neededBytes: bytes, availableBytes: limit, limit: "maxStorageBufferBindingSize" },
    });
  }
  return piece;
}

/**
 * A search other than absmax has no meaning for these encodings.
 * @throws UnsupportedError naming the encoding and the search
 */
export function requireAbsmax({ encoding, search }: EncodeRequest): void {
  if (search.kind === "absmax") return;
  throw new UnsupportedError(`Encoding ${encoding.kind} has no ${search.kind} search.`, { hint: "Use absmax." });
}

/** f32 maxima [groups] of a request's source into `target`, folded where groups are cut into segments. */
export function absmaxSteps(
  profile: DeviceProfile,
  source: string,
  geometry: Geometry,
  layout: CodeLayout,
  cut: Segmentation & { readonly groups: number },
  target: string,
): StepsPiece {
  const { groups, segments } = cut;
  if (segments === 1) {
    const steps = [kernelStep(profile, groupAbsmaxSpec, groupAbsmaxCall(geometry, layout, cut), [source, target])];
    return { buffers: { [target]: groups * 4 }, uploads: [], steps };
  }
  const partials = `${target}.segments`;
  return {
    buffers: { [partials]: groups * segments * 4, [target]: groups * 4 },
    uploads: [],
    steps: [
      kernelStep(profile, groupAbsmaxSpec, groupAbsmaxCall(geometry, layout, cut), [source, partials]),
      kernelStep(
        profile,
        groupAbsmaxSpec,
        groupAbsmaxCall(partialsOf(groups, segments), "natural", { segments: 1, length: segments }),
        [partials, target],
      ),
    ],
  };
}

/** Stores f32 scales (which f16 can hold, if asked for) in the scale type; `stored` is the part for the file. */
export function storedScales(
  profile: DeviceProfile,
  scales: string,
  groups: number,
  type: ScaleType,
): { readonly piece: Partial<StepsPiece>; readonly stored: EncodedPart } {
  if (type === "f32") return { piece: {}, stored: part(scales, groups * 4) };
  const [packed, counters] = [`${scales}.f16`, `${scales}.counters`];
  const zero = { kind: "inline", words: narrowCounterWords.map(() => 0) } as const;
  return {
    piece: {
      buffers: { [packed]: wordBytes(groups * 2), [counters]: narrowCounterBytes },
      uploads: [{ buffer: counters, data: zero }],
      steps: [kernelStep(profile, narrowHalfSpec, narrowHalfCall("f16", groups), [scales, packed, counters])],
    },
    stored: part(packed, groups * 2),
  };
}

/** The f32 scales behind a stored part, widened into `scratch` where they are f16. */
export function loadedScales(
  profile: DeviceProfile,
  stored: EncodedPart,
  groups: number,
  type: ScaleType,
  scratch: string,
): { readonly piece: Partial<StepsPiece>; readonly scales: string } {
  if (type === "f32") return { piece: {}, scales: stored.buffer };
  const steps = [kernelStep(profile, widenHalfSpec, widenHalfCall("f16", groups), [stored.buffer, scratch])];
  return { piece: { buffers: { [scratch]: groups * 4 }, steps }, scales: scratch };
}
