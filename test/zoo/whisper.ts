// Whisper's encoder and decoder in one graph (Radford et al., 2022): two convolutions over time, fixed sinusoids, norms
// first; the decoder with a causal mask made by Trilu, cross-attention, and the embedding shared with the head.
import { OnnxType } from "../../src/formats/onnx/ir.ts";
import { gelu } from "./activations.ts";
import { conv } from "./convolutions.ts";
import { zooEntry, type ZooOptions } from "./entry.ts";
import type { GraphBuilder, Value } from "./graph-builder.ts";
import { even, lazy, sumOf, unit } from "./moments.ts";
import { add, dimOf, renamed, shapeOf, slice, transpose, unsqueeze, valueOf } from "./operators.ts";
import {
  attend,
  embedding,
  layerNorm,
  linear,
  lookUp,
  lowest,
  mergeHeads,
  splitHeads,
  tiedHead,
} from "./transformers.ts";
import { makeTensor } from "../../src/formats/onnx/make.ts";

export interface WhisperOptions extends ZooOptions {
  readonly mels: number;
  /** The longest sound, in frames after the stride of 2. */
  readonly audioPositions: number;
  readonly vocabulary: number;
  readonly textPositions: number;
  readonly hidden: number;
  readonly heads: number;
  /** Of the encoder, and of the decoder. */
  readonly depth: number;
  /** "op" needs operator set 20. */
  readonly gelu: "op" | "erf";
}

function attention(
  b: GraphBuilder,
  x: Value,
  source: Value,
  heads: number,
  adjust?: (scores: string) => string,
): Value {
  const size = x.width / heads;
  const scaled = b.node("Mul", [linear(b, x, { name: "q_proj", out: x.width }), b.float(size ** -0.5)]);
  const key = splitHeads(b, linear(b, source, { name: "k_proj", out: x.width, bias: false }), heads, "key");
  const value = splitHeads(b, linear(b, source, { name: "v_proj", out: x.width }), heads);
  const query = splitHeads(b, valueOf(scaled, x.width, unit(x.width)), heads);
  const mixed = attend(b, { query, key, value, size, scaling: "none", ...(adjust && { adjust }) });
  return linear(b, mergeHeads(b, mixed, x.width), { name: "out_proj", out: x.width, gain: 0.5 });
}

function feedForward(b: GraphBuilder, x: Value, form: WhisperOptions["gelu"]): Value {
  const wide = linear(b, layerNorm(b, x, { name: "final_layer_norm" }), { name: "fc1", out: 4 * x.width });
  return add(b, x, linear(b, gelu(form)(b, wide), { name: "fc2", out: x.width, gain: 0.5 }));
}

/** Sines and cosines of places, over rates from 1 down to 1 / 10000. */
function sinusoids(positions: number, width: number): Float32Array {
  const half = width / 2;
  return Float32Array.from({ length: positions * width }, (_, at) => {
    const column = at % width;
    const angle = Math.floor(at / width) * 1e4 ** (-(column % half) / (half - 1));
    return column < half ? Math.sin(angle) : Math.cos(angle);
  });
}

/** The first rows of a table, as many as the sequence is long, added to it. */
function placed(b: GraphBuilder, x: Value, table: string, deviation: number): Value {
  const end = unsqueeze(b, dimOf(b, x, 1), 0);
  const sum = b.node("Add", [x, slice(b, table, { axis: 0, start: 0, end })]);
  return valueOf(
    sum,
    x.width,
    lazy(() => sumOf(x.moments(), even(x.width, 0, deviation ** 2)())),
  );
}

function encoder(b: GraphBuilder, sound: Value, options: WhisperOptions): Value {
  const { hidden, heads, depth, audioPositions, gelu: form } = options;
  const first = gelu(form)(b, conv(b, sound, { name: "conv1", out: hidden, kernel: 3, rank: 1 }));
  const second = gelu(form)(b, conv(b, first, { name: "conv2", out: hidden, kernel: 3, stride: 2, rank: 1 }));
  const rows = renamed(second, transpose(b, second, 0, 2, 1));
  const table = b.buffer("embed_positions.weight", [audioPositions, hidden], () => sinusoids(audioPositions, hidden));
  let x = placed(b, rows, table, 0.7);
  for (let index = 0; index < depth; index++) {
    x = b.scope(`layers.${index}`, () => {
      const normed = layerNorm(b, x, { name: "self_attn_layer_norm" });
      return feedForward(
        b,
        add(
          b,
          x,
          b.scope("self_attn", () => attention(b, normed, normed, heads)),
        ),
        form,
      );
    });
  }
  return layerNorm(b, x, { name: "layer_norm" });
}

/** [length, length], a huge negative number above the diagonal. */
function causalMask(b: GraphBuilder, ids: string): string {
  const length = dimOf(b, ids, 1);
  const value = makeTensor("", OnnxType.FLOAT, [1], new Uint8Array(Float32Array.of(lowest).buffer));
  const full = b.node("ConstantOfShape", [shapeOf(b, [length, length])], { value: { type: "tensor", value } });
  return b.node("Trilu", [full, b.int(1)], { upper: 1n });
}

export const whisperTiny = zooEntry<WhisperOptions>({
  name: "whisper-tiny",
  family: "transformer",
  task: "transcription",
  defaults: {
    seed: 1,
    opset: 20,
    mels: 80,
    audioPositions: 64,
    vocabulary: 400,
    textPositions: 32,
    hidden: 64,
    heads: 4,
    depth: 2,
    gelu: "op",
  },
  published: {
    options: { audioPositions: 1500, vocabulary: 51_865, textPositions: 448, hidden: 384, heads: 6, depth: 4 },
    parameters: 37_184_640,
  },
  otherSizes: [
    { batch: 1, frames: 128, length: 1 },
    { batch: 3, frames: 20, length: 17 },
  ],
  graph(b, options) {
    const { mels, vocabulary, textPositions, hidden, heads, depth, gelu: form } = options;
    const sound = valueOf(b.input("input_features", ["batch", mels, "frames"]), mels, unit(mels));
    const ids = b.input("decoder_input_ids", ["batch", "sequence"], OnnxType.INT64);
    const heard = b.scope("model.encoder", () => encoder(b, sound, options));
    const table = embedding(b, "model.decoder.embed_tokens", vocabulary, hidden);
    const decoded = b.scope("model.decoder", () => {
      const mask = causalMask(b, ids);
      const places = embedding(b, "embed_positions", textPositions, hidden, 0.15);
      let x = placed(b, lookUp(b, table, ids, hidden), places, 0.15);
      for (let index = 0; index < depth; index++) {
        x = b.scope(`layers.${index}`, () => {
          const normed = layerNorm(b, x, { name: "self_attn_layer_norm" });
          const adjust = (scores: string): string => b.node("Add", [scores, mask]);
          const own = add(
            b,
            x,
            b.scope("self_attn", () => attention(b, normed, normed, heads, adjust)),
          );
          const asking = layerNorm(b, own, { name: "encoder_attn_layer_norm" });
          const both = add(
            b,
            own,
            b.scope("encoder_attn", () => attention(b, asking, heard, heads)),
          );
          return feedForward(b, both, form);
        });
      }
      return layerNorm(b, x, { name: "layer_norm" });
    });
    b.output(tiedHead(b, decoded, table, vocabulary), "logits", ["batch", "sequence", vocabulary]);
  },
  inputs: (make, { mels, vocabulary }, { batch = 2, frames = 64, length = 8 }) => [
    make.normal("input_features", [batch, mels, frames]),
    make.integers("decoder_input_ids", [batch, length], 0, vocabulary),
  ],
});
