// An opened model: its structure, and the planner that knows its format. The planner comes along with the
// file, so that a page which never opens a file never downloads the readers and rewriters.
import type { ByteSource } from "../base/bytes.ts";
import type { OnnxModel } from "../formats/onnx/ir.ts";
import type { SafetensorsModel } from "../formats/safetensors/types.ts";
import type { CompressionDraft, PlanCompressionOptions, QuantizeRecipe } from "./plan-types.ts";

export interface OnnxFile {
  readonly format: "onnx";
  readonly source: ByteSource;
  readonly onnx: OnnxModel;
}

/** Tensors without a graph, of one file or of the shards that an index names. */
export interface SafetensorsFile {
  readonly format: "safetensors";
  readonly source: ByteSource;
  readonly safetensors: SafetensorsModel;
}

export interface Planned {
  draft(recipe: QuantizeRecipe, options: PlanCompressionOptions): CompressionDraft;
}

export type Model = (OnnxFile | SafetensorsFile) & Planned;
