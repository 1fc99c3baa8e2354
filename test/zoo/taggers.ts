// Recurrent taggers: an embedding, layers of LSTM or GRU over sequences of unlike length, a product for every token.
// States start at zero, or come in and go out again, as in files made for streams.
import { OnnxType } from "../../src/formats/onnx/ir.ts";
import { makeTensor } from "../../src/formats/onnx/make.ts";
import { zooEntry, type ZooEntry, type ZooOptions } from "./entry.ts";
import type { GraphBuilder, Value } from "./graph-builder.ts";
import { even } from "./moments.ts";
import { dimOf, renamed, reshape, shapeOf, slice, squeeze, transpose, valueOf } from "./operators.ts";
import { embedding, linear, lookUp } from "./transformers.ts";
import { drawRows } from "./weights.ts";

export interface TaggerOptions extends ZooOptions {
  readonly vocabulary: number;
  readonly embedding: number;
  readonly hidden: number;
  readonly layers: number;
  readonly tags: number;
  readonly direction: "forward" | "reverse" | "bidirectional";
  /** The hidden states are an input and an output. GRU only. */
  readonly carried: boolean;
}

type Cell = "LSTM" | "GRU";

const directionsOf = ({ direction }: TaggerOptions): number => (direction === "bidirectional" ? 2 : 1);

interface Layer {
  readonly cell: Cell;
  readonly options: TaggerOptions;
  readonly lengths: string;
  /** [directions, batch, hidden] */
  readonly state: string;
}

/** Of [length, batch, width]; the outputs and the last states. */
function recurrent(b: GraphBuilder, x: Value, { cell, options, lengths, state }: Layer): readonly [Value, string] {
  const { hidden, direction } = options;
  const directions = directionsOf(options);
  const rows = (cell === "LSTM" ? 4 : 3) * hidden;
  const draw = (name: string, inner: number): string => {
    const random = b.random(name);
    const deviation = 1 / Math.sqrt(inner);
    return b.parameter(name, [directions, rows, inner], () => drawRows(random, directions * rows, inner, deviation));
  };
  const [weight, recurrence, random] = [draw("W", x.width), draw("R", hidden), b.random("B")];
  const bias = b.parameter("B", [directions, 2 * rows], () => random.normals(2 * directions * rows, 0, 0.1));
  const attributes = { direction, hidden_size: BigInt(hidden), ...(cell === "GRU" && { linear_before_reset: 1n }) };
  const start = cell === "LSTM" ? [state, state] : [state];
  const inputs = [x, weight, recurrence, bias, lengths, ...start];
  const [all = "", last = ""] = b.nodes(cell, inputs, 2, attributes);
  const width = directions * hidden;
  const moments = even(width, 0, 0.15);
  if (directions === 1) return [valueOf(squeeze(b, all, 1), width, moments), last];
  // 0 keeps a dim as it is.
  return [valueOf(reshape(b, transpose(b, all, 0, 2, 1, 3), [0, 0, width]), width, moments), last];
}

const tagger = (name: string, cell: Cell, defaults: TaggerOptions): ZooEntry<TaggerOptions> =>
  zooEntry<TaggerOptions>({
    name,
    family: "rnn",
    task: "token classification",
    defaults,
    otherSizes: [
      { batch: 1, length: 7 },
      { batch: 4, length: 21 },
    ],
    graph(b, options) {
      const { vocabulary, hidden, layers, tags, carried } = options;
      const directions = directionsOf(options);
      const ids = b.input("ids", ["batch", "sequence"], OnnxType.INT64);
      const lengths = b.input("lengths", ["batch"], OnnxType.INT32);
      const states = carried ? b.input("states", [layers * directions, "batch", hidden]) : undefined;
      const words = embedding(b, "embedding", vocabulary, options.embedding, 1);
      const looked = lookUp(b, words, ids, options.embedding, 1);
      let x = renamed(looked, transpose(b, looked, 1, 0, 2));
      const lasts: string[] = [];
      for (let index = 0; index < layers; index++) {
        const [start, end] = [index * directions, (index + 1) * directions];
        const state = states
          ? slice(b, states, { axis: 0, start, end })
          : zeros(b, shapeOf(b, [directions, dimOf(b, ids, 0), hidden]));
        const [outputs, last] = b.scope(`rnn.${index}`, () => recurrent(b, x, { cell, options, lengths, state }));
        lasts.push(last);
        x = outputs;
      }
      const rows = renamed(x, transpose(b, x, 1, 0, 2));
      const logits = linear(b, rows, { name: "tagger", out: tags, gain: 2 });
      b.output(logits, "logits", ["batch", "sequence", tags]);
      if (carried) {
        const all = b.node("Concat", lasts, { axis: 0n });
        b.output(all, "last_states", [layers * directions, "batch", hidden]);
      }
    },
    inputs(make, options, { batch = 3, length = 12 }) {
      const ids = make.integers("ids", [batch, length], 0, options.vocabulary);
      // The first sequence is whole, the others end earlier and earlier.
      const lengths = make.byIndex("lengths", [batch], (at) => Math.max(1, length - 2 * at), "i32");
      if (!options.carried) return [ids, lengths];
      return [ids, lengths, make.normal("states", [options.layers * directionsOf(options), batch, options.hidden])];
    },
  });

function zeros(b: GraphBuilder, shape: string): string {
  const value = makeTensor("", OnnxType.FLOAT, [1], new Uint8Array(4));
  return b.node("ConstantOfShape", [shape], { value: { type: "tensor", value } });
}

const small = { seed: 1, vocabulary: 400, embedding: 48, hidden: 48, layers: 2, tags: 12 };

export const lstmTagger = tagger("lstm-tagger", "LSTM", {
  ...small,
  opset: 14,
  direction: "bidirectional",
  carried: false,
});
export const gruTagger = tagger("gru-tagger", "GRU", {
  ...small,
  opset: 9,
  direction: "bidirectional",
  carried: false,
});
export const gruStream = tagger("gru-stream", "GRU", { ...small, opset: 15, direction: "forward", carried: true });
