// What decoders with a key and value cache share: inputs and outputs of the cache, tokens, masks and positions.
import { OnnxType } from "../../src/formats/onnx/ir.ts";
import type { InputTensor } from "../../src/evaluate/tensors.ts";
import type { InputMaker, Sizes } from "./entry.ts";
import type { GraphBuilder } from "./graph-builder.ts";

export interface CacheShape {
  readonly layers: number;
  /** Of keys and values. */
  readonly heads: number;
  readonly size: number;
}

export interface DecoderInputs {
  readonly ids: string;
  readonly mask: string;
  readonly positions: string;
  readonly past: readonly { readonly key: string; readonly value: string }[];
}

export function decoderInputs(b: GraphBuilder, { layers, heads, size }: CacheShape): DecoderInputs {
  const dims = ["batch", "sequence"];
  const ids = b.input("input_ids", dims, OnnxType.INT64);
  const mask = b.input("attention_mask", ["batch", "past_sequence + sequence"], OnnxType.INT64);
  const positions = b.input("position_ids", dims, OnnxType.INT64);
  const cached = ["batch", heads, "past_sequence", size];
  const past = Array.from({ length: layers }, (_, layer) => ({
    key: b.input(`past_key_values.${layer}.key`, cached),
    value: b.input(`past_key_values.${layer}.value`, cached),
  }));
  return { ids, mask, positions, past };
}

/** The cache with this call's keys or values behind it, also an output. */
export function extended(
  b: GraphBuilder,
  past: string,
  now: string,
  name: string,
  { heads, size }: CacheShape,
): string {
  const all = b.node("Concat", [past, now], { axis: 2n });
  b.output(all, name, ["batch", heads, "past_sequence + sequence", size]);
  return all;
}

export function decoderFeeds(
  make: InputMaker,
  vocabulary: number,
  { layers, heads, size }: CacheShape,
  { batch = 2, length = 12, past = 4 }: Sizes,
): readonly InputTensor[] {
  const cached = [batch, heads, past, size];
  return [
    make.integers("input_ids", [batch, length], 0, vocabulary),
    make.byIndex("attention_mask", [batch, past + length], () => 1),
    make.byIndex("position_ids", [batch, length], (column) => past + column),
    ...Array.from({ length: layers }, (_, layer) => [
      make.normal(`past_key_values.${layer}.key`, cached),
      make.normal(`past_key_values.${layer}.value`, cached),
    ]).flat(),
  ];
}
