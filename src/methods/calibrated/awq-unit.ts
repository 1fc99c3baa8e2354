// Candidates of AWQ's scales for one weight as a work unit: input channels scaled up before rounding and down again,
// and what the outputs would see of it.
import type { DeviceProfile } from "../../base/profile.ts";
import { binaryCall } from "../../kernels/nn/binary.ts";
import { stridedCopyCall } from "../../kernels/nn/strided-copy.ts";
import { affineDecodeCall } from "../../kernels/quantize/affine-decode.ts";
import type { AffineRule } from "../../kernels/quantize/affine-rule.ts";
import type { Download, ReadRef, WorkUnit } from "../../plan/types.ts";
import { affineEncodeSteps, affineOf, namesOf } from "../quantize/affine-steps.ts";
import type { Chunk } from "../quantize/chunks.ts";
import type { EncodeRequest } from "../quantize/encoding.ts";
import { joined, type StepsPiece } from "../quantize/group-steps.ts";
import type { PackedWeight } from "../quantize/packed.ts";
import type { MatrixView } from "./gptq-steps.ts";
import { weightedErrorSteps } from "./weighted-error.ts";

/** Source keys of a unit's uploads: the weight as it is now, f32; factors, f32 [candidates, k]; moments, f32 [k, k]. */
export const awqSources = { weight: "awq/weight", factors: "awq/factors", hessian: "awq/hessian" } as const;

/** Download target of a candidate's errors, f32, to be added up. */
export const awqTarget = (candidate: number): string => `errors/${candidate}`;

const whole = (source: string, bytes: number): ReadRef => ({
  kind: "read",
  source,
  offset: 0,
  rowBytes: bytes,
  rows: 1,
  rowStride: 0,
});

/** @throws UnsupportedError where a buffer or an index would pass the device's limits */
export function awqUnit(
  profile: DeviceProfile,
  packed: PackedWeight,
  { geometry }: Chunk,
  view: MatrixView,
  candidates: number,
): WorkUnit {
  const { n, k, weight } = view;
  const dims = weight.col === 1 ? [n, k] : [k, n];
  const channel = weight.col === 1 ? [1, k] : [k, 1];
  const request: EncodeRequest = {
    encoding: packed.encoding,
    geometry,
    layout: packed.layout,
    search: packed.search,
    scaleType: packed.scaleType,
    source: "scaled",
    prefix: "q.",
  };
  const { bits, signed, scheme, rounding } = affineOf(request);
  const rule: AffineRule = { bits, signed, scheme, rounding, halfScales: packed.scaleType === "f16" };
  const encoded = affineEncodeSteps(profile, request);
  const bytes = 4 * n * k;
  const pieces: Partial<StepsPiece>[] = [
    {
      buffers: {
        weight: bytes,
        factors: 4 * k * candidates,
        hessian: 4 * k * k,
        factor: 4 * k,
        scaled: bytes,
        decoded: bytes,
        restored: bytes,
        ...(encoded.zeroPoints ? {} : { "q.noZeros": 4 }),
      },
      uploads: [
        { buffer: "weight", data: whole(awqSources.weight, bytes) },
        { buffer: "factors", data: whole(awqSources.factors, 4 * k * candidates) },
        { buffer: "hessian", data: whole(awqSources.hessian, 4 * k * k) },
        ...encoded.uploads,
      ],
    },
  ];
  const downloads: Download[] = [];
  const byChannel = { a: dims, b: channel, y: dims };
  const scales = encoded.scales?.buffer ?? namesOf(request).scales;
  const zeros = encoded.zeroPoints?.buffer ?? "q.noZeros";
  for (let candidate = 0; candidate < candidates; candidate++) {
    const names = { before: "weight", after: "restored", hessian: "hessian" };
    const error = weightedErrorSteps(profile, view, names, `${candidate}.`);
    const slice = stridedCopyCall([k], { start: candidate * k, strides: [1] }, { start: 0, strides: [1] });
    pieces.push({
      buffers: encoded.buffers,
      steps: [
        { call: slice, bindings: ["factors", "factor"] },
        { call: binaryCall("mul", byChannel), bindings: ["weight", "factor", "scaled"] },
        ...encoded.steps,
        {
          call: affineDecodeCall(geometry, packed.layout, rule),
          bindings: [encoded.codes.buffer, scales, zeros, "decoded"],
        },
        { call: binaryCall("div", byChannel), bindings: ["decoded", "factor", "restored"] },
      ],
    });
    pieces.push(error.piece);
    downloads.push({ buffer: error.buffer, offset: 0, bytes: error.bytes, target: awqTarget(candidate) });
  }
  return { id: packed.id, label: packed.source, ...joined(...pieces), downloads };
}
