// Which operators can be run, by domain.
import type { Lowering } from "../node-context.ts";
import { microsoftAttentionOps } from "./attention-contrib.ts";
import { attentionOps } from "./attention.ts";
import { controlOps } from "./control.ts";
import { convolutionOps } from "./convolution.ts";
import { dataOps } from "./data.ts";
import { elementwise, microsoftElementwise } from "./elementwise.ts";
import { maskOps } from "./masks.ts";
import { integerOps, microsoftIntegerOps } from "./integer.ts";
import { microsoftNormalizations, normalizationOps } from "./normalization.ts";
import { microsoftPackedOps } from "./packed.ts";
import { indexingOps } from "./indexing.ts";
import { orderingOps } from "./ordering.ts";
import { lossOps } from "./losses.ts";
import { einsumOps } from "./einsum.ts";
import { poolingOps } from "./pooling.ts";
import { microsoftProducts, productOps } from "./product.ts";
import { microsoftQuantizationOps, quantizationOps } from "./quantization.ts";
import { microsoftQuantizedOps, quantizedOps } from "./quantized.ts";
import { recurrentOps } from "./recurrent.ts";
import { reductionOps } from "./reduction.ts";
import { samplingOps } from "./sampling.ts";
import { resamplingOps } from "./resampling.ts";
import { microsoftRotaryOps, rotaryOps } from "./rotary.ts";

const standard: Readonly<Record<string, Lowering>> = {
  ...elementwise,
  ...dataOps,
  ...controlOps,
  ...productOps,
  ...convolutionOps,
  ...indexingOps,
  ...orderingOps,
  ...lossOps,
  ...einsumOps,
  ...poolingOps,
  ...maskOps,
  ...resamplingOps,
  ...samplingOps,
  ...reductionOps,
  ...normalizationOps,
  ...quantizationOps,
  ...integerOps,
  ...quantizedOps,
  ...recurrentOps,
  ...attentionOps,
  ...rotaryOps,
};
const microsoft: Readonly<Record<string, Lowering>> = {
  ...microsoftElementwise,
  ...microsoftProducts,
  ...microsoftPackedOps,
  ...microsoftQuantizationOps,
  ...microsoftIntegerOps,
  ...microsoftQuantizedOps,
  ...microsoftNormalizations,
  ...microsoftAttentionOps,
  ...microsoftRotaryOps,
};

const domains: Readonly<Record<string, Readonly<Record<string, Lowering>>>> = {
  "": standard,
  "ai.onnx": standard,
  "com.microsoft": microsoft,
};

/** Operators that need no kernel: they are worked out from shapes and constants. */
const hostOnly: ReadonlySet<string> = new Set(["Shape", "Size", "Constant"]);

export function findLowering(domain: string, opType: string): Lowering | undefined {
  const ops = Object.hasOwn(domains, domain) ? domains[domain] : undefined;
  return ops && Object.hasOwn(ops, opType) ? ops[opType] : undefined;
}

/** Whether an operator can be run, in some form. */
export const isSupported = (domain: string, opType: string): boolean =>
  findLowering(domain, opType) !== undefined || ((domain === "" || domain === "ai.onnx") && hostOnly.has(opType));
