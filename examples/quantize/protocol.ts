// What the page and its worker say to each other. Plain data, Blobs included.
import type { CompressionProgress, FormatName, PlannedTensor } from "../../src/web.ts";
import type { Failure } from "../shared/page.ts";
import type { Histograms } from "./histograms.ts";

/** The choices on the page; what is undefined is left to the format. */
export interface Choice {
  readonly format: FormatName;
  readonly blockSize?: number;
  readonly search?: "absmax" | "mse" | "hqq";
  /** Bytes that the plan may use on the device. */
  readonly memoryBudget?: number;
}

export type Request =
  | { readonly kind: "start"; readonly hideWebGpu: boolean }
  | { readonly kind: "open"; readonly name: string; readonly blob: Blob }
  | { readonly kind: "plan"; readonly choice: Choice }
  | { readonly kind: "run"; readonly outputName: string }
  | { readonly kind: "cancel" }
  | { readonly kind: "values"; readonly tensor: string };

export interface PlanSummary {
  readonly recipe: string;
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
  readonly clippedShare: number;
}

export type Reply =
  | { readonly kind: "device"; readonly description: string; readonly warning?: string }
  | { readonly kind: "model"; readonly name: string; readonly bytes: number; readonly content: string }
  | { readonly kind: "plan"; readonly summary: PlanSummary }
  | {
      readonly kind: "progress";
      readonly phase: CompressionProgress["phase"];
      readonly label: string;
      readonly done: number;
      readonly total: number;
      readonly bytesDone: number;
      readonly bytesTotal: number;
    }
  | { readonly kind: "layer"; readonly loss: LayerLoss }
  | { readonly kind: "done"; readonly blob: Blob; readonly sha256: string; readonly seconds: number }
  | { readonly kind: "values"; readonly tensor: string; readonly histograms: Histograms }
  | { readonly kind: "failed"; readonly during: Request["kind"]; readonly failure: Failure };
