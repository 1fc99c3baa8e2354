// `wgslim plan`: what `quantize` would do, from the file's structure alone.
import { dataFilesOf } from "../../compress/input-files.ts";
import { openModel } from "../../compress/open-model.ts";
import { planCompression, type CompressionPlan } from "../../compress/plan-compression.ts";
import { fromFile } from "../../node-files.ts";
import { formatBytes } from "../../base/size.ts";
import { portableProfile } from "../../plan/portable-profile.ts";
import { formatPlan } from "../../plan/format.ts";
import { parseBudget, parseRecipe, type RecipeFlags } from "../options.ts";
import { printJson, printText } from "../print.ts";
import { formatTable } from "../../report/table.ts";

interface PlanFlags extends RecipeFlags {
  readonly memoryBudget?: string;
  readonly ops?: boolean;
  readonly json?: boolean;
}

export async function plan(path: string, flags: PlanFlags, signal: AbortSignal): Promise<void> {
  const source = await fromFile(path);
  try {
    const model = await openModel(source, { signal });
    const compression = planCompression(
      model,
      { ...portableProfile, ...parseBudget(flags.memoryBudget) },
      parseRecipe(flags),
      { dataFile: "model.onnx_data" },
    );
    const dataFiles = [...dataFilesOf(model).values()].map(({ name, size }) => ({ path: name, bytes: size }));
    const bytesBefore = dataFiles.reduce((sum, { bytes }) => sum + bytes, source.size);
    if (flags.json) {
      const report = planJson(compression);
      printJson(dataFiles.length > 0 ? { ...report, input: { ...report.input, dataFiles } } : report);
    } else printText(planText(compression, bytesBefore, flags.ops === true));
  } finally {
    await source.close?.();
  }
}

function planJson({ input, output, tensors, skipped, warnings, plan: device }: CompressionPlan) {
  const { peakDeviceBytes, lowerBoundBytes, unsharedBytes, dispatches, submits, bytesIn, bytesOut, estimatedSeconds } =
    device;
  return {
    input,
    output,
    plan: { peakDeviceBytes, lowerBoundBytes, unsharedBytes, dispatches, submits, bytesIn, bytesOut, estimatedSeconds },
    tensors,
    skipped,
    warnings,
  };
}

function planText(compression: CompressionPlan, bytesBefore: number, operations: boolean): string {
  const { output, tensors, skipped, warnings, plan: device } = compression;
  const rows = tensors.map((t) => [
    t.name,
    t.op === t.operator ? t.op : `${t.op} -> ${t.operator}`,
    t.shape.join("x"),
    t.format,
    formatBytes(t.bytesBefore),
    formatBytes(t.bytesAfter),
  ]);
  const lines = [
    formatTable(["tensor", "operator", "shape", "format", "before", "after"], rows),
    "",
    `file    ${formatBytes(bytesBefore)} -> ${formatBytes(output.bytes)} (${((100 * output.bytes) / bytesBefore).toFixed(1)} %)`,
    "",
    formatPlan(device, { operations }),
  ];
  if (skipped.length > 0) lines.push("", "stays float:", ...skipped.map(({ name, reason }) => `  ${name}: ${reason}`));
  if (warnings.length > 0) lines.push("", ...warnings.map((warning) => `warning: ${warning}`));
  return lines.join("\n");
}
