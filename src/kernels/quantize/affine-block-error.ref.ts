// Reference of quantize/affine-block-error: the sums of affine-error, a record for each run of blocks.
import type { KernelReference } from "../kernel.ts";
import { blockErrorRecords } from "./affine-block-error.ts";
import { sumErrors } from "./affine-error.ref.ts";

export const affineBlockErrorReference: KernelReference = (params, buffers) => {
  const { count, recordOf } = blockErrorRecords(params);
  sumErrors(params, buffers, count, recordOf);
};
