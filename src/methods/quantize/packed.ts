// One packed weight of a compression plan: which constant is read, how its elements fall into groups,
// how it is encoded, and under which keys the packed parts go into the file.
import type { CodeLayout, Geometry } from "../../kernels/quantize/geometry.ts";
import type { Encoding, ScaleSearch, ScaleType } from "./encoding.ts";

export type SourceType = "f32" | "f16" | "bf16";

export type PartName = "codes" | "scales" | "zeroPoints";

export interface PackedPart {
  /** Key of the pending tensor in the output model. */
  readonly key: string;
  /** Name of the initializer that holds it. */
  readonly tensor: string;
  readonly bytes: number;
}

/** Codes, scales and zero points that another method has chosen: packed codes in the layout, f32 and i32 per group. */
export interface GivenCodes {
  readonly codes: Uint8Array;
  readonly scales: Uint8Array;
  readonly zeros: Uint8Array;
}

export interface PackedWeight {
  /** Unique within the run. */
  readonly id: string;
  /** Key that the run's IO resolves to the constant's bytes. */
  readonly source: string;
  readonly sourceType: SourceType;
  /** First element of the constant that belongs to this packing (a direction of an LSTM, say). */
  readonly sourceElement: number;
  /** The source is [rows, cols] and is transposed before the geometry applies. */
  readonly transpose?: { readonly rows: number; readonly cols: number };
  readonly geometry: Geometry;
  readonly layout: CodeLayout;
  readonly encoding: Encoding;
  readonly search: ScaleSearch;
  readonly scaleType: ScaleType;
  /** Source keys of given codes, scales and zero points, which are then stored and measured as they are. */
  readonly given?: Readonly<Record<keyof GivenCodes, string>>;
  readonly parts: { readonly codes: PackedPart; readonly scales?: PackedPart; readonly zeroPoints?: PackedPart };
}

export const bytesPerSourceElement = (type: SourceType): number => (type === "f32" ? 4 : 2);

/** Bits of one code in the packed stream. */
export function codeBits(encoding: Encoding): number {
  if (encoding.kind === "affine") return encoding.bits;
  if (encoding.kind === "table") return 4;
  if (encoding.kind === "cast") return 16;
  throw new RangeError(`No file layout for ${encoding.kind} codes yet.`);
}
