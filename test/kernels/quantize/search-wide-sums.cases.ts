// Cases of quantize/search-wide-sums: stages of the MSE search, as they come in whole searches.
import { searchWideSumsReference } from "../../../src/kernels/quantize/search-wide-sums.ref.ts";
import { searchWideSumsSpec } from "../../../src/kernels/quantize/search-wide-sums.ts";
import type { KernelRoom } from "../../support/kernel-harness.ts";
import { wideCases } from "./search-sequences.ts";

export const room: KernelRoom = {
  spec: searchWideSumsSpec,
  reference: searchWideSumsReference,
  cases: wideCases(searchWideSumsSpec.id, { kind: "mse" }),
};
