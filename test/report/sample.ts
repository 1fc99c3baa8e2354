// A report with everything in it, hostile names included. Figures are made up by seed.
import { seededRandom } from "../../src/base/random.ts";
import type { HistogramPair, QuantizeReport, TensorReport } from "../../src/report/types.ts";

export const hostileName = `</title><script>alert("1")</script>&'"\u001b[31m\u202egnp|x`;

export function sampleReport(tensorCount = 14): QuantizeReport {
  const random = seededRandom(9);
  const tensors = Array.from({ length: tensorCount }, (_, index): TensorReport => {
    const op = random.pick(["Conv", "MatMul", "Gemm"]);
    const shape = [8 * random.int(4, 40), 8 * random.int(4, 40)];
    const elements = (shape[0] ?? 1) * (shape[1] ?? 1);
    const format = index % 5 === 0 ? "int8" : "int4";
    return {
      name: index === 2 ? hostileName : `backbone.blocks.${index}.mixer.projection.weight`,
      op,
      shape,
      format,
      bytesBefore: elements * 4,
      bytesAfter: Math.round(elements * (format === "int8" ? 1.02 : 0.63)),
      sqnrDb:
        index === 3 ? Number.POSITIVE_INFINITY : format === "int8" ? random.uniform(38, 46) : random.uniform(14, 22),
      maxAbsError: random.uniform(1e-4, 1e-2),
      cosine: random.uniform(0.98, 0.99999),
    };
  });
  const before = tensors.reduce((sum, tensor) => sum + tensor.bytesBefore, 0) + 90_000;
  const after = tensors.reduce((sum, tensor) => sum + tensor.bytesAfter, 0) + 95_000;
  return {
    input: { path: "models/reader.onnx", bytes: before, sha256: "ab".repeat(32) },
    output: { path: "models/reader_int4.onnx", bytes: after, sha256: "cd".repeat(32) },
    adapter: "llvmpipe (LLVM 15.0.6, 256 bits)",
    plan: { peakDeviceBytes: 3_400_000, lowerBoundBytes: 3_300_000, dispatches: 96, submits: 6 },
    tensors,
    skipped: [
      { name: "conv_first.weight", reason: "first layer" },
      { name: hostileName, reason: "fewer than 1024 elements" },
      { name: "norm.scale", reason: "fewer than 1024 elements" },
    ],
    warnings: [`The weight ${hostileName} clips 0.2 % of its values.`],
    seconds: 1.234,
  };
}

export function sampleHistograms(count = 6): readonly HistogramPair[] {
  return Array.from({ length: count }, (_, index) => {
    const values = seededRandom(index).normals(20_000, 0, 0.05);
    const [min, max] = [Math.min(...values), Math.max(...values)];
    const step = (max - min) / 15;
    const bins = (bin: (value: number) => number, size: number): number[] => {
      const counts = Array.from({ length: size }, () => 0);
      for (const value of values) {
        const at = Math.min(size - 1, Math.max(0, bin(value)));
        counts[at] = (counts[at] ?? 0) + 1;
      }
      return counts;
    };
    const width = (max - min) / 48;
    return {
      name: `backbone.blocks.${index}.mixer.projection.weight`,
      before: { min, max, counts: bins((value) => Math.floor((value - min) / width), 48) },
      after: {
        min,
        max,
        counts: bins((value) => Math.floor((Math.round((value - min) / step) * step) / width), 48),
      },
    };
  });
}
