// The kernel rooms that gpu.js must reproduce.
import { room as affineBlockError } from "../kernels/quantize/affine-block-error.cases.ts";
import { room as affineBlock } from "../kernels/quantize/affine-block.cases.ts";
import { room as affineDecode } from "../kernels/quantize/affine-decode.cases.ts";
import { room as affineEncode } from "../kernels/quantize/affine-encode.cases.ts";
import { room as affineError } from "../kernels/quantize/affine-error.cases.ts";
import { room as groupRange } from "../kernels/quantize/group-range.cases.ts";
import type { KernelRoom } from "../support/kernel-harness.ts";

export const rooms: readonly KernelRoom[] = [
  groupRange,
  affineBlock,
  affineEncode,
  affineDecode,
  affineError,
  affineBlockError,
];
