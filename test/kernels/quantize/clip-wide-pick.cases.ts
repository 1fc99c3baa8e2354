// Cases of quantize/clip-wide-pick: digits of the percentile selection, as they come in whole searches.
import { clipWidePickReference } from "../../../src/kernels/quantize/clip-wide-pick.ref.ts";
import { clipWidePickSpec } from "../../../src/kernels/quantize/clip-wide-pick.ts";
import type { KernelRoom } from "../../support/kernel-harness.ts";
import { wideCases } from "./search-sequences.ts";

export const room: KernelRoom = {
  spec: clipWidePickSpec,
  reference: clipWidePickReference,
  cases: wideCases(clipWidePickSpec.id, { kind: "percentile", percentile: 98 }),
};
