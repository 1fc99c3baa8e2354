// Shapes of convolutions and pools, and how the kernels see them: always three spatial axes, of which a is
// blocked in registers, b runs over neighbouring threads and c over the rest.
import { UnsupportedError, UsageError } from "../../base/errors.ts";

/** A window that moves over 1 to 3 spatial dimensions. */
export interface WindowShape {
  readonly batch: number;
  readonly channels: number;
  /** Spatial sizes of the input, outermost first. */
  readonly input: readonly number[];
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padsBegin: readonly number[];
  /** Spatial sizes of the output; see convOutput. */
  readonly output: readonly number[];
}

/** x [batch, channels, input] with weights [outputs, channels / groups, kernel] gives [batch, outputs, output]. */
export interface ConvShape extends WindowShape {
  readonly outputs: number;
  readonly groups: number;
}

/** Spatial sizes of a convolution's output, or of a pool's that rounds down. */
export function convOutput(
  shape: Pick<WindowShape, "input" | "kernel" | "strides" | "dilations" | "padsBegin">,
  padsEnd: readonly number[],
): number[] {
  const { input, kernel, strides, dilations, padsBegin } = shape;
  return input.map((size, i) => {
    const extent = (dilations[i] ?? 1) * ((kernel[i] ?? 1) - 1) + 1;
    return Math.floor((size + (padsBegin[i] ?? 0) + (padsEnd[i] ?? 0) - extent) / (strides[i] ?? 1)) + 1;
  });
}

/** One spatial axis: `x`, `y` and `w` are its strides in words in the input, the output and the kernel. */
export interface Axis {
  readonly input: number;
  readonly output: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly pad: number;
  readonly x: number;
  readonly y: number;
  readonly w: number;
}

export type AxisName = "a" | "b" | "c";

const product = (sizes: readonly number[]): number => sizes.reduce((all, size) => all * size, 1);

/** Outputs along a blocked axis, those past its end included, which cost as much. */
const blocked = (size: number): number => Math.ceil(size / 8) * 8;

/**
 * The three axes of a window. Axis a is the row axis (the last but one), unless blocks of 8 outputs fill the
 * last axis better.
 * @throws UsageError for lists that do not fit together; UnsupportedError beyond three dimensions or 2^31 words
 */
export function windowAxes(shape: WindowShape, outputs = shape.channels): Record<AxisName, Axis> {
  const { input, output, kernel, strides, dilations, padsBegin, batch, channels } = shape;
  const rank = input.length;
  if ([output, kernel, strides, dilations, padsBegin].some((list) => list.length !== rank)) {
    throw new UsageError(`A window over ${rank} dimensions needs as many kernel sizes, strides, dilations and pads.`);
  }
  if (rank < 1 || rank > 3) {
    throw new UnsupportedError(`Windows move over 1 to 3 spatial dimensions, not ${rank}.`, { details: { rank } });
  }
  const words = Math.max(batch * channels * product(input), batch * outputs * product(output));
  if (words >= 2 ** 31) {
    throw new UnsupportedError(`A window over [${batch}, ${channels}, ${input.join(", ")}] is too large.`, {
      hint: "Run a smaller batch.",
      details: { words },
    });
  }
  const axisAt = (i: number): Axis => ({
    input: input[i] ?? 1,
    output: output[i] ?? 1,
    kernel: kernel[i] ?? 1,
    stride: strides[i] ?? 1,
    dilation: dilations[i] ?? 1,
    pad: padsBegin[i] ?? 0,
    x: i < 0 ? 0 : product(input.slice(i + 1)),
    y: i < 0 ? 0 : product(output.slice(i + 1)),
    w: i < 0 ? 0 : product(kernel.slice(i + 1)),
  });
  const [last, rows, planes] = [axisAt(rank - 1), axisAt(rank - 2), axisAt(rank - 3)];
  const lastIsBetter = rank === 1 || blocked(rows.output) * last.output > rows.output * blocked(last.output);
  return lastIsBetter ? { a: last, b: rows, c: planes } : { a: rows, b: last, c: planes };
}

/** The axes as params of a kernel: in_a, x_a, out_a, y_a, k_a, stride_a, dilation_a, pad_a and so on. */
export function axisParams(axes: Record<AxisName, Axis>): Record<string, number> {
  return Object.fromEntries(
    (["a", "b", "c"] as const).flatMap((name) => {
      const { input, output, kernel, stride, dilation, pad, x, y } = axes[name];
      return [
        [`in_${name}`, input],
        [`x_${name}`, x],
        [`out_${name}`, output],
        [`y_${name}`, y],
        [`k_${name}`, kernel],
        [`stride_${name}`, stride],
        [`dilation_${name}`, dilation],
        [`pad_${name}`, pad],
      ];
    }),
  );
}

/** Names of the params that axisParams gives, in the order of the shaders' structs. */
export const axisParamNames: readonly (readonly [string, "u32"])[] = [
  "in",
  "x",
  "out",
  "y",
  "k",
  "stride",
  "dilation",
  "pad",
]
  .flatMap((kind) => ["a", "b", "c"].map((axis) => `${kind}_${axis}`))
  .map((name) => [name, "u32"] as const);

/**
 * Threads of a workgroup that leave few idle where each workgroup serves only its own `items`. One of two sizes, since
 * each is a pipeline of its own, and software adapters compile slowly.
 */
export const workgroupFor = (items: number): number => (Math.ceil(items / 64) * 64 <= 1.125 * items ? 64 : 16);
