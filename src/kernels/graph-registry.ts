// Kernels of the graph executor by id. Apart from the registry of quantizers, so that a page which only
// quantizes does not download them.
import type { KernelSpec } from "./kernel.ts";

const all: readonly KernelSpec[] = [];

export const graphKernelSpecs: Readonly<Record<string, KernelSpec>> = Object.fromEntries(
  all.map((spec) => [spec.id, spec]),
);
