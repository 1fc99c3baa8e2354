// Cases of nn/pack-conv-weights: both tiles, ragged blocks, groups, either order of axes.
import { packConvWeightsReference } from "../../../src/kernels/nn/pack-conv-weights.ref.ts";
import {
  packConvWeightsCall,
  packConvWeightsSpec,
  packedConvWeightBytes,
} from "../../../src/kernels/nn/pack-conv-weights.ts";
import type { KernelRoom } from "../../support/kernel-harness.ts";
import { bytesOf } from "../quantize/float-fixtures.ts";
import { convData, convShapes } from "./window-fixtures.ts";

export const room: KernelRoom = {
  spec: packConvWeightsSpec,
  reference: packConvWeightsReference,
  cases: [...convShapes].map(([name, shape]) => ({
    name,
    call: packConvWeightsCall(shape),
    buffers: [bytesOf(convData(shape).w), packedConvWeightBytes(shape)],
  })),
};
