// What the page and its worker say to each other. Plain data, Blobs included.
import type { CompressionProgress, FormatName, PlannedTensor } from "../../src/web.ts";
import type { Failure } from "../shared/page.ts";
import type { ModelFiles } from "./files.ts";
import type { Histograms } from "./histograms.ts";

/** The choices on the page; what is undefined is left to the format. */
export interface Choice {
  readonly format: FormatName;
  readonly blockSize?: number;
  readonly search?: "absmax" | "mse" | "hqq";
  /** Bytes that the plan may use on the device. */
  readonly memoryBudget?: number;
  /** Weights in a file of their own, beside the graph. */
  readonly apart: boolean;
  /** Weights that the reader leaves float. */
  readonly keep: readonly string[];
  readonly outputName: string;
}

export type Request =
  | { readonly kind: "start"; readonly hideWebGpu: boolean }
  | ({ readonly kind: "open" } & ModelFiles)
  | { readonly kind: "plan"; readonly choice: Choice }
  /** `resume` goes on where a lost device left off. */
  | { readonly kind: "run"; readonly resume: boolean }
  | { readonly kind: "cancel" }
  | { readonly kind: "values"; readonly tensor: string };

export interface PlanSummary {
  /** Data files included. */
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  readonly peakDeviceBytes: number;
  readonly lowerBoundBytes: number;
  readonly dispatches: number;
  readonly submits: number;
  readonly tensors: readonly PlannedTensor[];
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  readonly warnings: readonly string[];
  readonly text: string;
}

export interface LayerLoss {
  readonly name: string;
  readonly sqnrDb: number;
  readonly maxAbsError: number;
  readonly cosine: number;
}

export interface OpenedModel {
  readonly name: string;
  readonly format: "onnx" | "safetensors";
  /** Data files included. */
  readonly bytes: number;
  readonly dataFiles: readonly string[];
  /** How many nodes or tensors it has, in words. */
  readonly content: string;
}

export interface WrittenFile {
  readonly name: string;
  readonly blob: Blob;
  readonly sha256: string;
}

export type Reply =
  | { readonly kind: "device"; readonly description: string; readonly warning?: string }
  | { readonly kind: "model"; readonly model: OpenedModel }
  | { readonly kind: "plan"; readonly summary: PlanSummary }
  | ({ readonly kind: "progress" } & Pick<
      CompressionProgress,
      "phase" | "label" | "done" | "total" | "bytesDone" | "bytesTotal"
    >)
  | { readonly kind: "layer"; readonly loss: LayerLoss }
  | { readonly kind: "note"; readonly text: string }
  | {
      readonly kind: "done";
      /** The model first. */
      readonly files: readonly WrittenFile[];
      readonly seconds: number;
      readonly warnings: readonly string[];
    }
  | { readonly kind: "values"; readonly tensor: string; readonly histograms: Histograms }
  | { readonly kind: "failed"; readonly during: Request["kind"]; readonly failure: Failure };
