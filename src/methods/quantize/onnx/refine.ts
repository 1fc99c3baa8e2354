// Which weights get finer codes than their format's name says, and where bytes are left for it. Every layer's rounding
// error adds to the output's about alike, whatever the layer's size, while bits cost bytes in proportion to it: so
// bits belong to the smallest layers first. Products of matrices bear 4 bits; convolutions do not: they have few
// weights to an output and channels of unlike size side by side.
//
// 8 bits instead of 4: convolution rows shorter than a block (depthwise kernels, where a scale for each would eat the
//   saving anyway); a first or last layer that is small but too large to stay float; convolutions, smallest first.
// Blocks instead of channels at 8 bits: convolutions with long rows, smallest first. A few outliers set the scale of
//   a whole row: blocks of 64 with zero points gain 5 to 12 dB on real ones, for 0.3 bits a weight.
//
// "While bytes are left": as long as the file keeps its promised share of the input. Where so much else is in the
// file that it cannot keep it, quality comes first, within a bound. All of this follows from shapes, before any
// weight is read: the plan is true and the bytes are the same everywhere.
import { OnnxType } from "../../../formats/onnx/ir.ts";
import type { Weight } from "../../../model/weights.ts";
import { resolveFormat, type ResolvedFormat } from "../formats.ts";
import type { Decision } from "../rules.ts";

/** Shares of the input's bytes: what is promised, and what is filled, as sizes are estimated here. */
const promises = { 4: { kept: 0.199, filled: 0.193 }, 8: { kept: 0.3, filled: 0.295 } } as const;

/** Convolutions that get 8 bits where the promise cannot be kept: at most this share of all weights. */
const freeShare = 0.2;

/** A first or last layer gets 8 bits up to this share of the weights. */
const edgeShare = 0.02;

/** Block length of convolutions at 8 bits. */
const fineBlock = 64;

const isConvolution = ({ role }: Weight): boolean => role === "conv" || role === "convTranspose";

const rowLength = ({ elements, dims }: Weight): number => elements / (dims[0] ?? 1);

/** How far formats may be refined; absent where the default skip list is switched off: then only short rows are. */
export interface Room {
  /** Size of the input, weights included. */
  readonly fileBytes: number;
  /** Whether 8 bits may come in blocks: not where granularity or symmetry were asked for by name. */
  readonly fineBlocks: boolean;
}

/** The format of every weight that is quantized by default, where room is left a better one than the default. */
export function refinedFormats(
  decisions: readonly Decision[],
  room: Room | undefined,
): ReadonlyMap<Weight, ResolvedFormat> {
  const formats = new Map<Weight, ResolvedFormat>();
  let bytes = room?.fileBytes ?? 0;
  const total = decisions.reduce((sum, { weight }) => sum + weight.elements, 0);
  for (const decision of decisions) {
    if (!("format" in decision)) continue;
    const { weight, format, by } = decision;
    const first = by === "rule" ? format : startingFormat(weight, format, decisions, room ? edgeShare * total : 0);
    if (by === "default" && first.family === "affine") formats.set(weight, first);
    bytes += packedBytes(weight, first) - sourceBytes(weight);
  }
  if (!room) return formats;
  const { fileBytes, fineBlocks } = room;
  const convolutions = [...formats.keys()].filter(isConvolution).toSorted((a, b) => a.elements - b.elements);
  for (const bits of fineBlocks ? ([4, 8] as const) : ([4] as const)) {
    const { kept, filled } = promises[promisedBits(decisions)];
    const keeps = bytes <= kept * fileBytes;
    let finer = 0;
    for (const weight of convolutions) {
      const format = formats.get(weight);
      const better = format && finerFormat(weight, format, bits);
      if (!better) continue;
      finer += weight.elements;
      const grown = bytes + packedBytes(weight, better) - packedBytes(weight, format);
      if (keeps ? grown > filled * fileBytes : bits === 4 && finer > freeShare * total) break;
      bytes = grown;
      formats.set(weight, better);
    }
  }
  return formats;
}

/** Which promise holds: that of 4 bits where any weight has them by default. */
const promisedBits = (decisions: readonly Decision[]): 4 | 8 =>
  decisions.some((decision) => "format" in decision && decision.by === "default" && decision.format.bits < 8) ? 4 : 8;

const isFourBitBlocks = ({ family, bits, granularity }: ResolvedFormat): boolean =>
  family === "affine" && bits === 4 && granularity === "block";

/** @param largestEdge elements up to which a first or last layer gets 8 bits */
function startingFormat(
  weight: Weight,
  format: ResolvedFormat,
  decisions: readonly Decision[],
  largestEdge: number,
): ResolvedFormat {
  if (!isFourBitBlocks(format)) return format;
  if (isConvolution(weight) && rowLength(weight) < format.blockSize) return eightBits(format);
  const isEdge = weight === decisions[0]?.weight || weight === decisions.at(-1)?.weight;
  const small = decisions.length > 2 && weight.elements <= largestEdge;
  return isEdge && small ? eightBits(format) : format;
}

/** From 4 bits to 8, or from 8 bits per channel to blocks; undefined where there is no such step. */
function finerFormat(weight: Weight, format: ResolvedFormat, bits: 4 | 8): ResolvedFormat | undefined {
  if (bits === 4) return isFourBitBlocks(format) ? eightBits(format) : undefined;
  if (format.bits !== 8 || format.granularity !== "channel" || rowLength(weight) < fineBlock) return undefined;
  return { ...format, granularity: "block", blockSize: fineBlock, symmetric: false };
}

const eightBits = ({ signed, restAsHalf }: ResolvedFormat): ResolvedFormat => ({
  ...resolveFormat(signed ? "int8" : "uint8"),
  restAsHalf,
});

const sourceBytes = ({ elements, storedType }: Weight): number => elements * (storedType === OnnxType.FLOAT ? 4 : 2);

/** Codes, scales and zero points, about: block operators of an f32 model have f32 scales, DequantizeLinear f16. */
function packedBytes(weight: Weight, { bits, granularity, blockSize, symmetric, restAsHalf }: ResolvedFormat): number {
  const perGroup = symmetric ? 0 : bits;
  const codes = (weight.elements * bits) / 8;
  const name = weight.id.length;
  // Beside the numbers stand nodes and tensors, each with its names.
  if (granularity !== "block") return codes + ((32 + perGroup) / 8) * (weight.dims[0] ?? 1) + 100 + 6 * name;
  const scaleBits = isConvolution(weight) || weight.role === "recurrent" || restAsHalf ? 16 : 32;
  return codes + (weight.elements * (scaleBits + perGroup)) / (8 * blockSize) + 350 + 10 * name;
}
