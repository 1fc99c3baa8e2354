// CPU references of the graph executor's kernels by id.
import type { KernelReference } from "./kernel.ts";
import { batchedMatmulReference } from "./matmul/batched.ref.ts";
import { unaryReference } from "./nn/unary.ref.ts";
import { binaryReference } from "./nn/binary.ref.ts";
import { selectReference } from "./nn/select.ref.ts";
import { stridedCopyReference } from "./nn/strided-copy.ref.ts";
import { gatherReference } from "./nn/gather.ref.ts";
import { packConvWeightsReference } from "./nn/pack-conv-weights.ref.ts";
import { convReference } from "./nn/conv.ref.ts";

export const graphKernelReferences: Readonly<Record<string, KernelReference>> = {
  "matmul/batched": batchedMatmulReference,
  "nn/unary": unaryReference,
  "nn/binary": binaryReference,
  "nn/select": selectReference,
  "nn/strided-copy": stridedCopyReference,
  "nn/gather": gatherReference,
  "nn/pack-conv-weights": packConvWeightsReference,
  "nn/conv": convReference,
};
