// Static int8 of files in Node: as `quantizeFile`, with ranges of the activations.
import { UnsupportedError } from "./base/errors.ts";
import { planStatic } from "./compress/plan-static.ts";
import { analyticShifts } from "./methods/static/bias.ts";
import type { Ranges } from "./methods/static/parameters.ts";
import { prepareStatic, settleOptions, type StaticOptions } from "./methods/static/prepare.ts";
import type { Rule } from "./methods/quantize/rules.ts";
import { quantizeFile, type QuantizeFileOptions } from "./node-quantize.ts";
import type { QuantizeReport } from "./report/types.ts";

export interface QuantizeStaticFileOptions
  extends StaticOptions, Omit<QuantizeFileOptions, "format" | "formatOptions" | "skip" | "keepFloat" | "draft"> {
  /** Of the activations, by tensor name. */
  readonly ranges: Ranges;
  readonly rules?: readonly Rule[];
  readonly minSqnrDb?: number;
  /** Makes up in the biases for what rounding the weights does to means; asks for `channelMeans` in the ranges. */
  readonly biasCorrection?: boolean;
}

/**
 * Writes a static int8 model of an ONNX file.
 * @throws as `quantizeFile`
 * @example await quantizeStaticFile("model.onnx", "model_static.onnx", { ranges });
 */
export async function quantizeStaticFile(
  input: string,
  output: string,
  options: QuantizeStaticFileOptions,
): Promise<QuantizeReport> {
  const { activation, form, perChannel, symmetricWeights, symmetricActivations, provider, ...rest } = options;
  const { ranges, rules = [], minSqnrDb, biasCorrection = false, externalDataFile, ...file } = rest;
  const settled = settleOptions({
    ...(activation === undefined ? {} : { activation }),
    ...(form === undefined ? {} : { form }),
    ...(perChannel === undefined ? {} : { perChannel }),
    ...(symmetricWeights === undefined ? {} : { symmetricWeights }),
    ...(symmetricActivations === undefined ? {} : { symmetricActivations }),
    ...(provider === undefined ? {} : { provider }),
  });
  return await quantizeFile(input, output, {
    ...file,
    format: settled.activation === "uint8" ? "uint8" : "int8",
    ...(externalDataFile === undefined ? {} : { externalDataFile }),
    draft: async (model, how) => {
      if (model.format !== "onnx") {
        throw new UnsupportedError(`${input} holds tensors but no graph: static quantization needs one.`, {
          hint: "Give the ONNX export of the model.",
          details: { file: input },
        });
      }
      const prepared = await prepareStatic(model.onnx, settled, file.signal);
      const biasShifts = biasCorrection ? await analyticShifts(prepared, ranges, file.signal) : new Map();
      const chosen = {
        rules,
        biasShifts,
        ...(minSqnrDb === undefined ? {} : { minSqnrDb }),
        ...(externalDataFile === undefined ? {} : { externalDataFile }),
      };
      return planStatic(model, prepared, ranges, chosen, how).draft;
    },
  });
}
