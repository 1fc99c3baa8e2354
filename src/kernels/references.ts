// Every CPU reference by kernel id. Apart from the specs, so that pages need not download them.
import type { KernelReference } from "./kernel.ts";
import { narrowHalfReference } from "./cast/narrow-half.ref.ts";
import { widenHalfReference } from "./cast/widen-half.ref.ts";
import { absmaxScaleReference } from "./quantize/absmax-scale.ref.ts";
import { affineBlockErrorReference } from "./quantize/affine-block-error.ref.ts";
import { affineBlockReference } from "./quantize/affine-block.ref.ts";
import { affineDecodeReference } from "./quantize/affine-decode.ref.ts";
import { affineEncodeReference } from "./quantize/affine-encode.ref.ts";
import { affineErrorReference } from "./quantize/affine-error.ref.ts";
import { affineScaleReference } from "./quantize/affine-scale.ref.ts";
import { binaryDecodeReference } from "./quantize/binary-decode.ref.ts";
import { binaryEncodeReference } from "./quantize/binary-encode.ref.ts";
import { clipBlockReference } from "./quantize/clip-block.ref.ts";
import { clipWideCountReference } from "./quantize/clip-wide-count.ref.ts";
import { clipWidePickReference } from "./quantize/clip-wide-pick.ref.ts";
import { float8DecodeReference } from "./quantize/float8-decode.ref.ts";
import { float8EncodeReference } from "./quantize/float8-encode.ref.ts";
import { groupAbsmaxReference } from "./quantize/group-absmax.ref.ts";
import { groupMeanReference } from "./quantize/group-mean.ref.ts";
import { groupRangeReference } from "./quantize/group-range.ref.ts";
import { groupSumReference } from "./quantize/group-sum.ref.ts";
import { hqqWideStepReference } from "./quantize/hqq-wide-step.ref.ts";
import { hqqWideSumsReference } from "./quantize/hqq-wide-sums.ref.ts";
import { mxDecodeReference } from "./quantize/mx-decode.ref.ts";
import { mxEncodeReference } from "./quantize/mx-encode.ref.ts";
import { mxScaleReference } from "./quantize/mx-scale.ref.ts";
import { nestedAbsmaxReference } from "./quantize/nested-absmax.ref.ts";
import { nestedDecodeReference } from "./quantize/nested-decode.ref.ts";
import { nestedOffsetReference } from "./quantize/nested-offset.ref.ts";
import { nvfp4DecodeReference } from "./quantize/nvfp4-decode.ref.ts";
import { nvfp4EncodeReference } from "./quantize/nvfp4-encode.ref.ts";
import { nvfp4ScaleReference } from "./quantize/nvfp4-scale.ref.ts";
import { packZeroPointsReference } from "./quantize/pack-zero-points.ref.ts";
import { rangeMergeReference } from "./quantize/range-merge.ref.ts";
import { searchFitBlockReference } from "./quantize/search-fit-block.ref.ts";
import { searchHqqBlockReference } from "./quantize/search-hqq-block.ref.ts";
import { searchMseBlockReference } from "./quantize/search-mse-block.ref.ts";
import { searchWidePickReference } from "./quantize/search-wide-pick.ref.ts";
import { searchWideSumsReference } from "./quantize/search-wide-sums.ref.ts";
import { tableBlockReference } from "./quantize/table-block.ref.ts";
import { tableDecodeReference } from "./quantize/table-decode.ref.ts";
import { ternaryDecodeReference } from "./quantize/ternary-decode.ref.ts";
import { ternaryEncodeReference } from "./quantize/ternary-encode.ref.ts";
import { histogramReference } from "./stats/histogram.ref.ts";
import { tensorErrorReference } from "./stats/tensor-error.ref.ts";
import { tensorRangeReference } from "./stats/tensor-range.ref.ts";
import { copyWordsReference } from "./util/copy-words.ref.ts";
import { transposeReference } from "./util/transpose.ref.ts";

export const kernelReferences: Readonly<Record<string, KernelReference>> = {
  "cast/narrow-half": narrowHalfReference,
  "cast/widen-half": widenHalfReference,
  "quantize/absmax-scale": absmaxScaleReference,
  "quantize/affine-block": affineBlockReference,
  "quantize/affine-block-error": affineBlockErrorReference,
  "quantize/affine-decode": affineDecodeReference,
  "quantize/affine-encode": affineEncodeReference,
  "quantize/affine-error": affineErrorReference,
  "quantize/affine-scale": affineScaleReference,
  "quantize/binary-decode": binaryDecodeReference,
  "quantize/binary-encode": binaryEncodeReference,
  "quantize/float8-decode": float8DecodeReference,
  "quantize/float8-encode": float8EncodeReference,
  "quantize/group-absmax": groupAbsmaxReference,
  "quantize/group-mean": groupMeanReference,
  "quantize/group-range": groupRangeReference,
  "quantize/group-sum": groupSumReference,
  "quantize/mx-decode": mxDecodeReference,
  "quantize/mx-encode": mxEncodeReference,
  "quantize/mx-scale": mxScaleReference,
  "quantize/nested-absmax": nestedAbsmaxReference,
  "quantize/nested-decode": nestedDecodeReference,
  "quantize/nested-offset": nestedOffsetReference,
  "quantize/nvfp4-decode": nvfp4DecodeReference,
  "quantize/nvfp4-encode": nvfp4EncodeReference,
  "quantize/nvfp4-scale": nvfp4ScaleReference,
  "quantize/pack-zero-points": packZeroPointsReference,
  "quantize/range-merge": rangeMergeReference,
  "quantize/clip-block": clipBlockReference,
  "quantize/clip-wide-count": clipWideCountReference,
  "quantize/clip-wide-pick": clipWidePickReference,
  "quantize/hqq-wide-step": hqqWideStepReference,
  "quantize/hqq-wide-sums": hqqWideSumsReference,
  "quantize/search-fit-block": searchFitBlockReference,
  "quantize/search-hqq-block": searchHqqBlockReference,
  "quantize/search-wide-pick": searchWidePickReference,
  "quantize/search-wide-sums": searchWideSumsReference,
  "quantize/search-mse-block": searchMseBlockReference,
  "quantize/table-block": tableBlockReference,
  "quantize/table-decode": tableDecodeReference,
  "quantize/ternary-decode": ternaryDecodeReference,
  "quantize/ternary-encode": ternaryEncodeReference,
  "stats/histogram": histogramReference,
  "stats/tensor-error": tensorErrorReference,
  "stats/tensor-range": tensorRangeReference,
  "util/copy-words": copyWordsReference,
  "util/transpose": transposeReference,
};
