// Kernels of the graph executor by id. Apart from the registry of quantizers, so that a page which only
// quantizes does not download them.
import type { KernelSpec } from "./kernel.ts";
import { unarySpec } from "./nn/unary.ts";
import { binarySpec } from "./nn/binary.ts";
import { selectSpec } from "./nn/select.ts";
import { stridedCopySpec } from "./nn/strided-copy.ts";
import { gatherSpec } from "./nn/gather.ts";

const all: readonly KernelSpec[] = [unarySpec, binarySpec, selectSpec, stridedCopySpec, gatherSpec];

export const graphKernelSpecs: Readonly<Record<string, KernelSpec>> = Object.fromEntries(
  all.map((spec) => [spec.id, spec]),
);
