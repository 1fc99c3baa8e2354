// Cases of nn/row-norm: layer, RMS, instance and group norm; rows far from 0; constant rows.
import { rowNormReference } from "../../../src/kernels/nn/row-norm.ref.ts";
import { rowNormCall, rowNormSpec, type RowNormOptions, type RowNormShape } from "../../../src/kernels/nn/row-norm.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";
import { bytesOf } from "../quantize/float-fixtures.ts";
import { numbers } from "./window-fixtures.ts";

function caseOf(
  name: string,
  shape: RowNormShape,
  options: Partial<RowNormOptions> = {},
  x?: Float32Array,
): KernelCase {
  const { rows, cols, groups = 1, span = 1 } = shape;
  const scales = (groups * cols) / span;
  return {
    name: `${name} of [${rows}, ${cols}]`,
    call: rowNormCall(shape, { epsilon: 1e-5, ...options }),
    buffers: [
      bytesOf(x ?? numbers(rows * cols, cols, 3)),
      options.scale === true ? bytesOf(numbers(scales, 4)) : new Uint8Array(4),
      options.bias === true ? bytesOf(numbers(scales, 6)) : new Uint8Array(4),
      4 * rows * cols,
    ],
  };
}

const both = { scale: true, bias: true };
const withNaN = numbers(3 * 100, 8);
withNaN[150] = Number.NaN;

export const room: KernelRoom = {
  spec: rowNormSpec,
  reference: rowNormReference,
  cases: [
    caseOf("layer norm", { rows: 1, cols: 1 }, both),
    caseOf("layer norm", { rows: 5, cols: 33 }, both),
    caseOf("layer norm", { rows: 200, cols: 96 }, both),
    caseOf("layer norm without scale", { rows: 3, cols: 768 }),
    caseOf("layer norm", { rows: 2, cols: 5000 }, { scale: true }),
    caseOf("rms norm", { rows: 7, cols: 300 }, { kind: "rms", scale: true }),
    caseOf("rms norm", { rows: 150, cols: 20 }, { kind: "rms", bias: true }),
    caseOf("instance norm", { rows: 6, cols: 49, groups: 3, span: 49 }, both),
    caseOf("group norm", { rows: 4, cols: 3 * 20, groups: 2, span: 20 }, both),
    // f32 holds 1000 + x to 6e-5, which the reference sees too; what is tested is the sum of squares.
    caseOf(
      "rows far from 0",
      { rows: 4, cols: 512 },
      both,
      numbers(2048, 3, 20).map((v) => v + 1000),
    ),
    caseOf("constant rows", { rows: 4, cols: 70 }, both, new Float32Array(280).fill(0.5)),
    caseOf("layer norm with a NaN", { rows: 3, cols: 100 }, both, withNaN),
  ],
};
