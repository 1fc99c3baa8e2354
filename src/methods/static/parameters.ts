// From a tensor's range to scale and zero point, and what those can represent. Ranges always hold 0, so that padding
// and ReLU's zeros are exact.
import { NonFiniteError } from "../../base/errors.ts";
import { OnnxType } from "../../formats/onnx/ir.ts";

export type ActivationType = "uint8" | "int8" | "uint16" | "int16";

export const activationTypes: readonly ActivationType[] = ["uint8", "int8", "uint16", "int16"];

/** What calibration knows of a tensor. */
export interface TensorRange {
  readonly min: number;
  readonly max: number;
  /** Mean of the squares of its elements: with it, how much of the tensor its codes keep is known beforehand. */
  readonly meanSquare?: number;
  /** Mean of each channel (axis 1 of images, the last of matrices), for the bias correction. */
  readonly channelMeans?: ArrayLike<number>;
}

/** By tensor name. */
export type Ranges = ReadonlyMap<string, TensorRange>;

/** real = (code - zeroPoint) * scale. */
export interface TensorParameters {
  readonly type: ActivationType;
  readonly scale: number;
  readonly zeroPoint: number;
}

interface CodeType {
  readonly lowest: number;
  readonly highest: number;
  readonly onnxType: number;
  readonly bytes: 1 | 2;
}

export const codeTypes: Readonly<Record<ActivationType, CodeType>> = {
  uint8: { lowest: 0, highest: 255, onnxType: OnnxType.UINT8, bytes: 1 },
  int8: { lowest: -128, highest: 127, onnxType: OnnxType.INT8, bytes: 1 },
  uint16: { lowest: 0, highest: 65535, onnxType: OnnxType.UINT16, bytes: 2 },
  int16: { lowest: -32768, highest: 32767, onnxType: OnnxType.INT16, bytes: 2 },
};

/** Smaller scales would be subnormal, or make reciprocals infinite. */
const smallestScale = 2 ** -100;

/**
 * Scale and zero point that cover a range.
 * @param symmetric zero point in the middle of the codes
 * @throws NonFiniteError for a range that is not finite
 */
export function parametersFor(
  name: string,
  { min, max }: TensorRange,
  type: ActivationType,
  symmetric = false,
): TensorParameters {
  if (!Number.isFinite(min) || !Number.isFinite(max)) {
    throw new NonFiniteError(`Activation "${name}" ranges from ${min} to ${max}.`, {
      hint: "Calibrate with inputs on which the float model gives finite values.",
      details: { tensor: name },
    });
  }
  const [low, high] = [Math.min(0, min), Math.max(0, max)];
  const { lowest, highest } = codeTypes[type];
  const largest = Math.max(-low, high);
  const middle = Math.ceil((lowest + highest) / 2);
  const span = symmetric ? largest / (highest - middle) : (high - low) / (highest - lowest);
  const scale = Math.fround(span < smallestScale ? 1 : span);
  if (symmetric) return { type, scale, zeroPoint: middle };
  const zeroPoint = Math.max(lowest, Math.min(highest, Math.round(lowest - low / scale)));
  return { type, scale, zeroPoint };
}

/** The least and the greatest real that codes stand for. */
export function representable({ type, scale, zeroPoint }: TensorParameters): readonly [low: number, high: number] {
  const { lowest, highest } = codeTypes[type];
  return [(lowest - zeroPoint) * scale, (highest - zeroPoint) * scale];
}

/** Signal over rounding noise, in dB, of a tensor under its parameters; undefined where its energy is unknown. */
export function expectedSqnrDb({ meanSquare }: TensorRange, { scale }: TensorParameters): number | undefined {
  if (meanSquare === undefined || meanSquare === 0) return undefined;
  return 10 * Math.log10((12 * meanSquare) / scale ** 2);
}

/** A tensor's codes, ties to even, saturated. */
export function codesOf(values: ArrayLike<number>, { type, scale, zeroPoint }: TensorParameters): Uint8Array {
  const { lowest, highest, bytes } = codeTypes[type];
  const codes = bytes === 1 ? new Uint8Array(values.length) : new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const code = roundHalfEven((values[i] ?? 0) / scale) + zeroPoint;
    codes[i] = Math.max(lowest, Math.min(highest, code)) & (bytes === 1 ? 0xff : 0xffff);
  }
  return new Uint8Array(codes.buffer);
}

export function roundHalfEven(x: number): number {
  const lower = Math.floor(x);
  const fraction = x - lower;
  if (fraction !== 0.5) return fraction > 0.5 ? lower + 1 : lower;
  return lower % 2 === 0 ? lower : lower + 1;
}
