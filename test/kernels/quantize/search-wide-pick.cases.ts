// Cases of quantize/search-wide-pick: stages of the MSE search, as they come in whole searches.
import { searchWidePickReference } from "../../../src/kernels/quantize/search-wide-pick.ref.ts";
import { searchWidePickSpec } from "../../../src/kernels/quantize/search-wide-pick.ts";
import type { KernelRoom } from "../../support/kernel-harness.ts";
import { wideCases } from "./search-sequences.ts";

export const room: KernelRoom = {
  spec: searchWidePickSpec,
  reference: searchWidePickReference,
  cases: wideCases(searchWidePickSpec.id, { kind: "mse" }),
};
