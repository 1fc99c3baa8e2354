// Cases of quantize/clip-wide-count: digits of the percentile selection, as they come in whole searches.
import { clipWideCountReference } from "../../../src/kernels/quantize/clip-wide-count.ref.ts";
import { clipWideCountSpec } from "../../../src/kernels/quantize/clip-wide-count.ts";
import type { KernelRoom } from "../../support/kernel-harness.ts";
import { wideCases } from "./search-sequences.ts";

export const room: KernelRoom = {
  spec: clipWideCountSpec,
  reference: clipWideCountReference,
  cases: wideCases(clipWideCountSpec.id, { kind: "percentile", percentile: 98 }),
};
