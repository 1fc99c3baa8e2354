// Every kernel spec by id: what the runner looks calls up in. One import and one entry a kernel.
import type { KernelSpec } from "./kernel.ts";
import { narrowHalfSpec } from "./cast/narrow-half.ts";
import { widenHalfSpec } from "./cast/widen-half.ts";
import { absmaxScaleSpec } from "./quantize/absmax-scale.ts";
import { affineBlockErrorSpec } from "./quantize/affine-block-error.ts";
import { affineBlockSpec } from "./quantize/affine-block.ts";
import { affineDecodeSpec } from "./quantize/affine-decode.ts";
import { affineEncodeSpec } from "./quantize/affine-encode.ts";
import { affineErrorSpec } from "./quantize/affine-error.ts";
import { affineScaleSpec } from "./quantize/affine-scale.ts";
import { binaryDecodeSpec } from "./quantize/binary-decode.ts";
import { binaryEncodeSpec } from "./quantize/binary-encode.ts";
import { clipBlockSpec } from "./quantize/clip-block.ts";
import { clipWideCountSpec } from "./quantize/clip-wide-count.ts";
import { clipWidePickSpec } from "./quantize/clip-wide-pick.ts";
import { float8DecodeSpec } from "./quantize/float8-decode.ts";
import { float8EncodeSpec } from "./quantize/float8-encode.ts";
import { groupAbsmaxSpec } from "./quantize/group-absmax.ts";
import { groupMeanSpec } from "./quantize/group-mean.ts";
import { groupRangeSpec } from "./quantize/group-range.ts";
import { groupSumSpec } from "./quantize/group-sum.ts";
import { hqqWideStepSpec } from "./quantize/hqq-wide-step.ts";
import { hqqWideSumsSpec } from "./quantize/hqq-wide-sums.ts";
import { mxDecodeSpec } from "./quantize/mx-decode.ts";
import { mxEncodeSpec } from "./quantize/mx-encode.ts";
import { mxScaleSpec } from "./quantize/mx-scale.ts";
import { nestedAbsmaxSpec } from "./quantize/nested-absmax.ts";
import { nestedDecodeSpec } from "./quantize/nested-decode.ts";
import { nestedOffsetSpec } from "./quantize/nested-offset.ts";
import { nvfp4DecodeSpec } from "./quantize/nvfp4-decode.ts";
import { nvfp4EncodeSpec } from "./quantize/nvfp4-encode.ts";
import { nvfp4ScaleSpec } from "./quantize/nvfp4-scale.ts";
import { packZeroPointsSpec } from "./quantize/pack-zero-points.ts";
import { rangeMergeSpec } from "./quantize/range-merge.ts";
import { searchFitBlockSpec } from "./quantize/search-fit-block.ts";
import { searchHqqBlockSpec } from "./quantize/search-hqq-block.ts";
import { searchMseBlockSpec } from "./quantize/search-mse-block.ts";
import { searchWidePickSpec } from "./quantize/search-wide-pick.ts";
import { searchWideSumsSpec } from "./quantize/search-wide-sums.ts";
import { tableBlockSpec } from "./quantize/table-block.ts";
import { tableDecodeSpec } from "./quantize/table-decode.ts";
import { ternaryDecodeSpec } from "./quantize/ternary-decode.ts";
import { ternaryEncodeSpec } from "./quantize/ternary-encode.ts";
import { histogramSpec } from "./stats/histogram.ts";
import { tensorErrorSpec } from "./stats/tensor-error.ts";
import { tensorRangeSpec } from "./stats/tensor-range.ts";
import { copyWordsSpec } from "./util/copy-words.ts";
import { transposeSpec } from "./util/transpose.ts";

const all: readonly KernelSpec[] = [
  narrowHalfSpec,
  widenHalfSpec,
  absmaxScaleSpec,
  affineBlockErrorSpec,
  affineBlockSpec,
  affineDecodeSpec,
  affineEncodeSpec,
  affineErrorSpec,
  affineScaleSpec,
  binaryDecodeSpec,
  binaryEncodeSpec,
  float8DecodeSpec,
  float8EncodeSpec,
  groupAbsmaxSpec,
  groupMeanSpec,
  groupRangeSpec,
  groupSumSpec,
  mxDecodeSpec,
  mxEncodeSpec,
  mxScaleSpec,
  nestedAbsmaxSpec,
  nestedDecodeSpec,
  nestedOffsetSpec,
  nvfp4DecodeSpec,
  nvfp4EncodeSpec,
  nvfp4ScaleSpec,
  packZeroPointsSpec,
  rangeMergeSpec,
  clipBlockSpec,
  clipWideCountSpec,
  clipWidePickSpec,
  hqqWideStepSpec,
  hqqWideSumsSpec,
  searchFitBlockSpec,
  searchHqqBlockSpec,
  searchWidePickSpec,
  searchWideSumsSpec,
  searchMseBlockSpec,
  tableBlockSpec,
  tableDecodeSpec,
  ternaryDecodeSpec,
  ternaryEncodeSpec,
  histogramSpec,
  tensorErrorSpec,
  tensorRangeSpec,
  copyWordsSpec,
  transposeSpec,
];

export const kernelSpecs: Readonly<Record<string, KernelSpec>> = Object.fromEntries(all.map((spec) => [spec.id, spec]));
