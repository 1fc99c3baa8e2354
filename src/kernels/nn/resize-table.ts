// Which inputs make each output of a resize along one axis, and by what weights, as ONNX's Resize defines it.
// A resize of several axes is one pass of nn/axis-resample for each of them.

/** ONNX's coordinate_transformation_mode. */
export type CoordinateMode =
  | "half_pixel"
  | "half_pixel_symmetric"
  | "pytorch_half_pixel"
  | "align_corners"
  | "asymmetric"
  | "tf_half_pixel_for_nn"
  | "tf_crop_and_resize";

/** ONNX's nearest_mode. */
export type NearestMode = "round_prefer_floor" | "round_prefer_ceil" | "floor" | "ceil";

export interface ResizeAxis {
  readonly input: number;
  readonly output: number;
  /** Outputs per input: the model's own scale, or output / input where it gives sizes. */
  readonly scale: number;
  readonly mode: "nearest" | "linear" | "cubic";
  readonly coordinates: CoordinateMode;
  readonly nearest?: NearestMode;
  /** Coefficient a of the cubic; -0.75 by default. */
  readonly cubicA?: number;
  /** Whether elements outside the input weigh nothing; else the nearest one stands for them. */
  readonly excludeOutside?: boolean;
  /** Whether a reduction averages over all that an output covers. */
  readonly antialias?: boolean;
  /** What part of the input to take, in [0, 1] of its length, for tf_crop_and_resize. */
  readonly roi?: readonly [start: number, end: number];
}

/** [length, taps] in row-major order; an index of -1 in the first tap stands for the extrapolation value. */
export interface ResizeTable {
  readonly length: number;
  readonly taps: number;
  readonly indices: Int32Array;
  readonly weights: Float32Array;
}

/** Where output `place` lies in the input. */
function coordinate({ input, output, scale, coordinates, roi = [0, 1] }: ResizeAxis, place: number): number {
  const halfPixel = (place + 0.5) / scale - 0.5;
  if (coordinates === "asymmetric") return place / scale;
  // By the length before it is rounded down, as ONNX's own vectors have it.
  if (coordinates === "align_corners") return output === 1 ? 0 : (place * (input - 1)) / (scale * input - 1);
  if (coordinates === "pytorch_half_pixel") return output > 1 ? halfPixel : 0;
  if (coordinates === "tf_half_pixel_for_nn") return (place + 0.5) / scale;
  if (coordinates === "half_pixel_symmetric") return (input / 2) * (1 - output / (scale * input)) + halfPixel;
  if (coordinates === "tf_crop_and_resize") {
    const [start, end] = roi;
    if (output === 1) return 0.5 * (start + end) * (input - 1);
    return start * (input - 1) + (place * (end - start) * (input - 1)) / (output - 1);
  }
  return halfPixel;
}

const rounded: Readonly<Record<NearestMode, (x: number) => number>> = {
  round_prefer_floor: (x) => Math.ceil(x - 0.5),
  round_prefer_ceil: (x) => Math.floor(x + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

const triangle = (distance: number): number => Math.max(0, 1 - Math.abs(distance));

function cubic(a: number, distance: number): number {
  const d = Math.abs(distance);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? a * (((d - 5) * d + 8) * d - 4) : 0;
}

/** The table of one axis. */
export function resizeTable(axis: ResizeAxis): ResizeTable {
  const { input, output, scale, mode, nearest = "round_prefer_floor", cubicA = -0.75 } = axis;
  const outsideCounts = axis.coordinates === "tf_crop_and_resize";
  const shrink = axis.antialias === true ? Math.min(scale, 1) : 1;
  const reach = mode === "nearest" ? 0 : Math.ceil((mode === "linear" ? 1 : 2) / shrink);
  const taps = Math.max(1, 2 * reach);
  const indices = new Int32Array(output * taps);
  const weights = new Float32Array(output * taps);
  for (let j = 0; j < output; j++) {
    const x = coordinate(axis, j);
    if (outsideCounts && (x < 0 || x > input - 1)) {
      indices[j * taps] = -1;
      continue;
    }
    const first = mode === "nearest" ? rounded[nearest](x) : Math.floor(x) - reach + 1;
    const places = Array.from({ length: taps }, (_, t) => first + t);
    const plain = places.map((place) => {
      if (mode === "nearest") return 1;
      if (axis.excludeOutside === true && (place < 0 || place >= input)) return 0;
      const distance = (place - x) * shrink;
      return mode === "linear" ? triangle(distance) : cubic(cubicA, distance);
    });
    const sum = plain.reduce((all, w) => all + w, 0);
    for (const [t, place] of places.entries()) {
      indices[j * taps + t] = Math.max(0, Math.min(input - 1, place));
      weights[j * taps + t] = (plain[t] ?? 0) / sum;
    }
  }
  return { length: output, taps, indices, weights };
}
