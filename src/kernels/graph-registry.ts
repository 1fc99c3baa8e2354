// Kernels of the graph executor by id. Apart from the registry of quantizers, so that a page which only
// quantizes does not download them.
import type { KernelSpec } from "./kernel.ts";
import { batchedMatmulSpec } from "./matmul/batched.ts";
import { blockMatmulSpec } from "./matmul/block.ts";
import { integerMatmulSpec } from "./matmul/integer.ts";
import { packedDotSpec } from "./matmul/packed-dot.ts";
import { tableMatmulSpec } from "./matmul/table.ts";
import { int3BlockSpec } from "./quantize/int3-block.ts";
import { unarySpec } from "./nn/unary.ts";
import { binarySpec } from "./nn/binary.ts";
import { selectSpec } from "./nn/select.ts";
import { stridedCopySpec } from "./nn/strided-copy.ts";
import { gatherBlocksSpec } from "./nn/gather-blocks.ts";
import { scatterSpec } from "./nn/scatter.ts";
import { cumulativeSumSpec } from "./nn/cumulative-sum.ts";
import { topKSpec } from "./nn/top-k.ts";
import { gatherSpec } from "./nn/gather.ts";
import { packConvWeightsSpec } from "./nn/pack-conv-weights.ts";
import { convSpec } from "./nn/conv.ts";
import { reduceSpec } from "./nn/reduce.ts";
import { softmaxSpec } from "./nn/softmax.ts";
import { rowNormSpec } from "./nn/row-norm.ts";
import { argReduceSpec } from "./nn/arg-reduce.ts";
import { gruStepSpec } from "./rnn/gru-step.ts";
import { lstmStepSpec } from "./rnn/lstm-step.ts";
import { rnnStepSpec } from "./rnn/rnn-step.ts";
import { affineDecodeSpec } from "./quantize/affine-decode.ts";
import { tableDecodeSpec } from "./quantize/table-decode.ts";
import { poolSpec } from "./nn/pool.ts";
import { maxPoolIndicesSpec } from "./nn/max-pool-indices.ts";
import { convTransposeSpec } from "./nn/conv-transpose.ts";
import { axisResampleSpec } from "./nn/axis-resample.ts";
import { gridSampleSpec } from "./nn/grid-sample.ts";
import { roiAlignSpec } from "./nn/roi-align.ts";
import { convDepthwiseSpec } from "./nn/conv-depthwise.ts";
import { lrnSpec } from "./nn/lrn.ts";
import { choleskyBlockSpec } from "./factor/cholesky-block.ts";
import { choleskyRowsSpec } from "./factor/cholesky-rows.ts";
import { sweepSpec } from "./gptq/sweep.ts";
import { countNonFiniteSpec } from "./nn/count-non-finite.ts";
import { fakeQuantSpec } from "./nn/fake-quant.ts";
import { kernelSpecs } from "./registry.ts";

const all: readonly KernelSpec[] = [
  // Simulated quantization runs the quantizers' own kernels.
  ...Object.values(kernelSpecs),
  countNonFiniteSpec,
  fakeQuantSpec,
  batchedMatmulSpec,
  blockMatmulSpec,
  integerMatmulSpec,
  packedDotSpec,
  tableMatmulSpec,
  int3BlockSpec,
  gruStepSpec,
  lstmStepSpec,
  rnnStepSpec,
  unarySpec,
  binarySpec,
  selectSpec,
  stridedCopySpec,
  scatterSpec,
  cumulativeSumSpec,
  topKSpec,
  gatherSpec,
  gatherBlocksSpec,
  affineDecodeSpec,
  tableDecodeSpec,
  packConvWeightsSpec,
  convSpec,
  reduceSpec,
  softmaxSpec,
  rowNormSpec,
  argReduceSpec,
  poolSpec,
  maxPoolIndicesSpec,
  convTransposeSpec,
  axisResampleSpec,
  gridSampleSpec,
  roiAlignSpec,
  convDepthwiseSpec,
  lrnSpec,
  choleskyBlockSpec,
  choleskyRowsSpec,
  sweepSpec,
];

export const graphKernelSpecs: Readonly<Record<string, KernelSpec>> = Object.fromEntries(
  all.map((spec) => [spec.id, spec]),
);
