// CPU references of the graph executor's kernels by id.
import type { KernelReference } from "./kernel.ts";

export const graphKernelReferences: Readonly<Record<string, KernelReference>> = {};
