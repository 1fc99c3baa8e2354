// Cases of quantize/hqq-wide-sums: rounds of the half-quadratic search, as they come in whole searches.
import { hqqWideSumsReference } from "../../../src/kernels/quantize/hqq-wide-sums.ref.ts";
import { hqqWideSumsSpec } from "../../../src/kernels/quantize/hqq-wide-sums.ts";
import type { KernelRoom } from "../../support/kernel-harness.ts";
import { wideCases } from "./search-sequences.ts";

export const room: KernelRoom = {
  spec: hqqWideSumsSpec,
  reference: hqqWideSumsReference,
  cases: wideCases(hqqWideSumsSpec.id, { kind: "hqq" }),
};
