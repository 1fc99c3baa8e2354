// `wgslim inspect`: what a model is made of. Reads structure only; with --stats it streams the weights, on the CPU,
// so that no GPU runtime is loaded.
import { openModel, openOnnx } from "../../compress/open-model.ts";
import { fromFile } from "../../node-files.ts";
import { inspectOnnx, onnxText } from "../inspect-onnx.ts";
import { inspectSafetensors, safetensorsText } from "../inspect-safetensors.ts";
import { inspectOperators, operatorsText } from "../inspect-operators.ts";
import { printJson, printText } from "../print.ts";

interface InspectFlags {
  readonly stats?: boolean;
  readonly all?: boolean;
  readonly ops?: boolean;
  readonly json?: boolean;
}

const listed = 40;

export async function inspect(path: string, flags: InspectFlags, signal: AbortSignal): Promise<void> {
  const source = await fromFile(path);
  try {
    const model = await openModel(source, { signal });
    if (flags.ops) {
      const report = inspectOperators(await openOnnx(source, { signal }));
      if (flags.json) printJson(report);
      else printText(operatorsText(report));
      return;
    }
    const options = { stats: flags.stats === true, signal };
    const report = await (model.format === "onnx" ? inspectOnnx(model, options) : inspectSafetensors(model, options));
    const most = flags.all === true ? undefined : listed;
    if (flags.json) printJson(report);
    else printText(report.format === "onnx" ? onnxText(report, most) : safetensorsText(report, most));
  } finally {
    await source.close?.();
  }
}
