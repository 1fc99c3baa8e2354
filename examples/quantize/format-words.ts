// What each format is, in words for a reader who has to choose one.
import type { FormatName } from "../../src/web.ts";

export interface FormatWords {
  readonly group: string;
  /** What it is and what for. */
  readonly about: string;
  /** What it becomes in the file. */
  readonly written: string;
}

export const formatWords: Readonly<Record<FormatName, FormatWords>> = {
  int8: {
    group: "8 bits",
    about: "A quarter of the size, and results hardly change. One scale for each output channel. The safe choice.",
    written: "DequantizeLinear before each operator; any recent runtime",
  },
  uint8: {
    group: "8 bits",
    about: "As int8, with zero points: a little closer where most weights lie on one side of zero.",
    written: "DequantizeLinear before each operator; any recent runtime",
  },
  "dynamic-int8": {
    group: "8 bits",
    about:
      "8-bit weights, and activations rounded to 8 bits while the model runs. Quick on CPUs; loses a little more than int8.",
    written: "MatMulInteger, ConvInteger, DynamicQuantizeLSTM",
  },
  "dynamic-uint8": {
    group: "8 bits",
    about: "As dynamic-int8, with zero points for the weights; what runtimes do best on many CPUs.",
    written: "MatMulInteger, ConvInteger, DynamicQuantizeLSTM",
  },
  int4: {
    group: "4 bits",
    about:
      "About a fifth of the size. Every 32 weights share a scale and a zero point, searched for the least error. " +
      "Small convolutions and the model's ends get 8 bits.",
    written: "MatMulNBits, GatherBlockQuantized, else DequantizeLinear",
  },
  uint4: {
    group: "4 bits",
    about: "As int4, with codes from 0 to 15: for runtimes that know no signed 4-bit type.",
    written: "MatMulNBits, GatherBlockQuantized, else DequantizeLinear",
  },
  nf4: {
    group: "4 bits",
    about:
      "Sixteen levels placed for bell-shaped weights (QLoRA's NormalFloat). For matrix products of language models.",
    written: "MatMulBnb4; convolutions stay float",
  },
  fp4: {
    group: "4 bits",
    about: "Sixteen levels of a 4-bit float, as bitsandbytes has them. For matrix products.",
    written: "MatMulBnb4; convolutions stay float",
  },
  q4f16: {
    group: "4 bits",
    about: "int4, and 16-bit floats for all the rest: the smallest file for language models that run on GPUs.",
    written: "int4 is, with f16 activations",
  },
  int2: {
    group: "2 bits",
    about: "Four levels for every 16 weights. For trials: most models lose much unless they were trained for it.",
    written: "MatMulNBits",
  },
  uint2: {
    group: "2 bits",
    about: "As int2 with zero points, a little closer. For trials.",
    written: "MatMulNBits",
  },
  fp16: {
    group: "16 bits",
    about:
      "Half of the size with nearly the same results, and twice the speed on many GPUs. Inputs and outputs stay f32.",
    written: "the same operators on f16; norms stay f32",
  },
};
