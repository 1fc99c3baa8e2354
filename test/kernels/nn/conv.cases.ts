// Cases of nn/conv: every shape, with and without bias, activations, odd workgroups, NaN beside padding.
import type { ActivationKind } from "../../../src/kernels/nn/activation.ts";
import { convReference } from "../../../src/kernels/nn/conv.ref.ts";
import { convCall, convSpec, type ConvOptions } from "../../../src/kernels/nn/conv.ts";
import type { ConvShape } from "../../../src/kernels/nn/conv-shape.ts";
import { packConvWeightsReference } from "../../../src/kernels/nn/pack-conv-weights.ref.ts";
import { packConvWeightsCall, packedConvWeightBytes } from "../../../src/kernels/nn/pack-conv-weights.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";
import { bytesOf, computed } from "../quantize/float-fixtures.ts";
import { convData, convShape, convShapes, sizeOf } from "./window-fixtures.ts";

function caseOf(
  name: string,
  shape: ConvShape,
  options: ConvOptions = {},
  overrides: Parameters<typeof convCall>[2] = {},
): KernelCase {
  const { x, w, bias } = convData(shape);
  const sizes = [bytesOf(w), packedConvWeightBytes(shape)];
  const packed = computed(packConvWeightsCall(shape), packConvWeightsReference, sizes, 1);
  return {
    name,
    call: (variant) => {
      const target = { features: variant === "subgroups" ? ["subgroups"] : [], adapterClass: "software" } as const;
      return convCall(shape, { ...options, target }, { wg: 16, ...overrides });
    },
    buffers: [
      bytesOf(x),
      packed,
      options.bias === true ? bytesOf(bias) : new Uint8Array(4),
      4 * shape.batch * shape.outputs * sizeOf(shape.output),
    ],
  };
}

/** An input whose corners are NaN and infinite: padding must not pick them up. */
function withSpecials(shape: ConvShape): KernelCase {
  const made = caseOf("NaN and infinities go through", shape, { bias: true });
  const [x, ...rest] = made.buffers;
  const values = new Float32Array((x as Uint8Array).slice().buffer);
  values[0] = Number.NaN;
  values[values.length - 1] = Number.POSITIVE_INFINITY;
  return { ...made, buffers: [bytesOf(values), ...rest] };
}

const same = convShape([9, 11], [3, 3], { channels: 3, outputs: 18, padsBegin: [1, 1] });
const kinds: readonly ActivationKind[] = ["relu", "clip", "leakyRelu", "gelu", "silu"];

export const room: KernelRoom = {
  spec: convSpec,
  reference: convReference,
  cases: [
    ...[...convShapes].flatMap(([name, shape], i) => [caseOf(name, shape, { bias: i % 2 === 0 })]),
    ...kinds.map((kind) => caseOf(`then ${kind}`, same, { bias: true, activation: { kind, a: 0.2, b: 0.5 } })),
    caseOf("1 x 1, strided", convShape([9, 20], [1, 1], { channels: 3, outputs: 5, strides: [2, 3] })),
    caseOf("1 x 1, padded", convShape([3, 2], [1, 1], { channels: 2, outputs: 16, padsBegin: [1, 2] })),
    caseOf("small workgroups", same, {}, { wg: 4 }),
    caseOf("without sliding", same, {}, { slide: 0 }),
    withSpecials(same),
    withSpecials(convShape([6, 5], [2, 2], { channels: 1, outputs: 2, strides: [2, 2], padsBegin: [1, 1] })),
  ],
};
