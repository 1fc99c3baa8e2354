// Constant weights of a product, laid out as panels of neighbouring columns that each lie in one piece. Lines of a wide
// matrix are far apart, at distances that fall on the same few places of a processor's caches; a panel stays in them
// while all rows pass by. For software adapters, whose memory is the processor's: up to twice as fast.
import type { BatchedMatmulShape } from "../../kernels/matmul/batched.ts";
import type { GraphBuilder } from "../builder.ts";
import type { Value } from "../values.ts";
import { transpose } from "./shared.ts";

/** Columns of a panel; the first that divides a matrix is taken. */
const widths = [64, 80, 96, 48];

export interface Panels {
  readonly shape: BatchedMatmulShape;
  readonly weight: Value;
}

/**
 * The same product on panels.
 * @returns undefined where the weight is computed, has batches or does not fall into panels, and on hardware
 */
export function inPanels(b: GraphBuilder, shape: BatchedMatmulShape, weight: Value): Panels | undefined {
  const { m, n, k, batch = [], bias, transB = false } = shape;
  const width = widths.find((each) => n % each === 0);
  const isMatrix = weight.dims.length === 2 && batch.length === 0;
  if (b.target.adapterClass === "hardware" || !isMatrix || width === undefined || n < 128 || k < 32) return undefined;
  if (!b.isConstant(weight)) return undefined;
  const panels = n / width;
  const packed = transB
    ? transpose(b, b.reshape(weight, [panels, width, k]), [0, 2, 1])
    : transpose(b, b.reshape(weight, [k, panels, width]), [1, 0, 2]);
  return {
    weight: packed,
    shape: {
      ...shape,
      m,
      n: width,
      transB: false,
      lineB: width,
      lineY: n,
      batch: [{ size: panels, a: 0, b: k * width, y: width, bias: width * (bias?.col ?? 0) }],
    },
  };
}
