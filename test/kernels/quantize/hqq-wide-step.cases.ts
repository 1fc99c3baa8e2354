// Cases of quantize/hqq-wide-step: rounds of the half-quadratic search, as they come in whole searches.
import { hqqWideStepReference } from "../../../src/kernels/quantize/hqq-wide-step.ref.ts";
import { hqqWideStepSpec } from "../../../src/kernels/quantize/hqq-wide-step.ts";
import type { KernelRoom } from "../../support/kernel-harness.ts";
import { wideCases } from "./search-sequences.ts";

export const room: KernelRoom = {
  spec: hqqWideStepSpec,
  reference: hqqWideStepReference,
  cases: wideCases(hqqWideStepSpec.id, { kind: "hqq" }),
};
