// CPU references of the graph executor's kernels by id.
import type { KernelReference } from "./kernel.ts";
import { batchedMatmulReference } from "./matmul/batched.ref.ts";
import { blockMatmulReference } from "./matmul/block.ref.ts";
import { integerMatmulReference } from "./matmul/integer.ref.ts";
import { packedDotReference } from "./matmul/packed-dot.ref.ts";
import { tableMatmulReference } from "./matmul/table.ref.ts";
import { int3BlockReference } from "./quantize/int3-block.ref.ts";
import { unaryReference } from "./nn/unary.ref.ts";
import { binaryReference } from "./nn/binary.ref.ts";
import { selectReference } from "./nn/select.ref.ts";
import { stridedCopyReference } from "./nn/strided-copy.ref.ts";
import { gatherBlocksReference } from "./nn/gather-blocks.ref.ts";
import { scatterReference } from "./nn/scatter.ref.ts";
import { cumulativeSumReference } from "./nn/cumulative-sum.ref.ts";
import { topKReference } from "./nn/top-k.ref.ts";
import { gatherReference } from "./nn/gather.ref.ts";
import { packConvWeightsReference } from "./nn/pack-conv-weights.ref.ts";
import { convReference } from "./nn/conv.ref.ts";
import { reduceReference } from "./nn/reduce.ref.ts";
import { softmaxReference } from "./nn/softmax.ref.ts";
import { rowNormReference } from "./nn/row-norm.ref.ts";
import { argReduceReference } from "./nn/arg-reduce.ref.ts";
import { gruStepReference } from "./rnn/gru-step.ref.ts";
import { lstmStepReference } from "./rnn/lstm-step.ref.ts";
import { rnnStepReference } from "./rnn/rnn-step.ref.ts";
import { affineDecodeReference } from "./quantize/affine-decode.ref.ts";
import { tableDecodeReference } from "./quantize/table-decode.ref.ts";
import { poolReference } from "./nn/pool.ref.ts";
import { maxPoolIndicesReference } from "./nn/max-pool-indices.ref.ts";
import { convTransposeReference } from "./nn/conv-transpose.ref.ts";
import { axisResampleReference } from "./nn/axis-resample.ref.ts";
import { gridSampleReference } from "./nn/grid-sample.ref.ts";
import { roiAlignReference } from "./nn/roi-align.ref.ts";
import { convDepthwiseReference } from "./nn/conv-depthwise.ref.ts";
import { lrnReference } from "./nn/lrn.ref.ts";
import { choleskyBlockReference } from "./factor/cholesky-block.ref.ts";
import { choleskyRowsReference } from "./factor/cholesky-rows.ref.ts";
import { sweepReference } from "./gptq/sweep.ref.ts";
import { countNonFiniteReference } from "./nn/count-non-finite.ref.ts";
import { fakeQuantReference } from "./nn/fake-quant.ref.ts";
import { kernelReferences } from "./references.ts";

export const graphKernelReferences: Readonly<Record<string, KernelReference>> = {
  ...kernelReferences,
  "nn/count-non-finite": countNonFiniteReference,
  "nn/fake-quant": fakeQuantReference,
  "matmul/batched": batchedMatmulReference,
  "matmul/block": blockMatmulReference,
  "matmul/integer": integerMatmulReference,
  "matmul/packed-dot": packedDotReference,
  "matmul/table": tableMatmulReference,
  "quantize/int3-block": int3BlockReference,
  "rnn/gru-step": gruStepReference,
  "rnn/lstm-step": lstmStepReference,
  "rnn/rnn-step": rnnStepReference,
  "nn/unary": unaryReference,
  "nn/binary": binaryReference,
  "nn/select": selectReference,
  "nn/strided-copy": stridedCopyReference,
  "nn/scatter": scatterReference,
  "nn/cumulative-sum": cumulativeSumReference,
  "nn/top-k": topKReference,
  "nn/gather": gatherReference,
  "nn/gather-blocks": gatherBlocksReference,
  "quantize/affine-decode": affineDecodeReference,
  "quantize/table-decode": tableDecodeReference,
  "nn/pack-conv-weights": packConvWeightsReference,
  "nn/conv": convReference,
  "nn/reduce": reduceReference,
  "nn/softmax": softmaxReference,
  "nn/row-norm": rowNormReference,
  "nn/arg-reduce": argReduceReference,
  "nn/pool": poolReference,
  "nn/max-pool-indices": maxPoolIndicesReference,
  "nn/conv-transpose": convTransposeReference,
  "nn/axis-resample": axisResampleReference,
  "nn/grid-sample": gridSampleReference,
  "nn/roi-align": roiAlignReference,
  "nn/conv-depthwise": convDepthwiseReference,
  "nn/lrn": lrnReference,
  "factor/cholesky-block": choleskyBlockReference,
  "factor/cholesky-rows": choleskyRowsReference,
  "gptq/sweep": sweepReference,
};
