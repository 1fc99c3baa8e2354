// gpu.js against the references on the case tables of the kernel rooms, and on random shapes: the same bytes.
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { KernelCall, KernelReference } from "../../src/kernels/kernel.ts";
import { affineBlockCall, fitsAffineBlock } from "../../src/kernels/quantize/affine-block.ts";
import { affineDecodeCall } from "../../src/kernels/quantize/affine-decode.ts";
import { affineEncodeCall } from "../../src/kernels/quantize/affine-encode.ts";
import { affineErrorBytes, affineErrorCall } from "../../src/kernels/quantize/affine-error.ts";
import {
  codeCount,
  elementsOf,
  groupCount,
  type CodeLayout,
  type Geometry,
} from "../../src/kernels/quantize/geometry.ts";
import { packedBytes } from "../../src/kernels/quantize/shape.ts";
import { kernelReferences } from "../../src/kernels/references.ts";
import { affineKernels } from "../../src/fallback/affine.ts";
import type { GpuJs, GpuJsMode } from "../../src/fallback/gpu-js.ts";
import { openGpuJs } from "../../src/fallback/open-gpu-js.ts";
import { encoded, rules } from "../kernels/quantize/affine-fixtures.ts";
import { differenceAt } from "./buffers.ts";
import { rooms } from "./rooms.ts";
import type { KernelCase } from "../support/kernel-harness.ts";

const modes: readonly GpuJsMode[] = ["wasm", "cpu"];

/** Buffers after a call. */
function after(call: KernelCall, buffers: KernelCase["buffers"], run: KernelReference | undefined): Uint8Array[] {
  const bound = buffers.map((buffer) => (typeof buffer === "number" ? new Uint8Array(buffer) : buffer.slice()));
  if (!run) throw new Error(`No kernel ${call.kernel}.`);
  run(call.params, bound);
  return bound;
}

const plainCall = ({ call }: KernelCase): KernelCall => (typeof call === "function" ? call("portable") : call);

describe.each(modes)("gpu.js in mode %s", (mode) => {
  let gpu: GpuJs;
  beforeAll(async () => {
    gpu = await openGpuJs({ mode });
  });
  afterAll(() => gpu.dispose());

  describe.each(rooms.map((room) => [room.spec.id, room] as const))("%s", (id, room) => {
    it.each(room.cases.map((each) => [each.name, each] as const))("%s", (_name, each) => {
      const call = plainCall(each);
      const [ours, theirs] = [affineKernels(gpu)[id], room.reference].map((run) => after(call, each.buffers, run));
      expect(differenceAt(ours ?? [], theirs ?? [])).toBeUndefined();
    });
  });
});

const geometries: fc.Arbitrary<Geometry> = fc.oneof(
  fc.record({
    kind: fc.constant("blocked" as const),
    outer: fc.integer({ min: 1, max: 4 }),
    dim: fc.integer({ min: 1, max: 150 }),
    inner: fc.integer({ min: 1, max: 9 }),
    blockSize: fc.constantFrom(3, 16, 20, 32, 64, 128),
  }),
  fc.record({
    kind: fc.constant("wide" as const),
    outer: fc.integer({ min: 1, max: 4 }),
    channels: fc.integer({ min: 1, max: 7 }),
    inner: fc.integer({ min: 1, max: 300 }),
  }),
);

/** Bits of f32 values: plain, quarter steps that meet ties, and anything at all. */
const words = fc.oneof(
  fc.float({ min: -4, max: 4, noNaN: true }),
  fc.integer({ min: -40, max: 40 }).map((quarter) => quarter / 4),
  fc.float(),
);

describe("random shapes", () => {
  it("encode, decode and measure as the references do", async () => {
    const gpu = await openGpuJs();
    const kernels = affineKernels(gpu);
    const check = (call: KernelCall, buffers: KernelCase["buffers"]): void => {
      const theirs = after(call, buffers, kernelReferences[call.kernel]);
      expect(differenceAt(after(call, buffers, kernels[call.kernel]), theirs)).toBeUndefined();
    };
    fc.assert(
      fc.property(
        geometries,
        fc.constantFrom<CodeLayout>("natural", "rows"),
        fc.constantFrom(...rules),
        fc.array(words, { minLength: 1, maxLength: 200 }),
        (geometry, wanted, rule, some) => {
          const layout = geometry.kind === "wide" ? "natural" : wanted;
          const values = Float32Array.from({ length: elementsOf(geometry) }, (_, k) => some[k % some.length] ?? 0);
          const source = new Uint8Array(values.buffer);
          const { scales, zeroPoints, codes } = encoded(source, geometry, layout, rule);
          check(affineEncodeCall(geometry, layout, rule), [source, scales, zeroPoints, codes.length]);
          if (fitsAffineBlock(geometry, layout, rule.bits)) {
            const bytes = packedBytes(codeCount(geometry, layout), rule.bits);
            const groups = groupCount(geometry) * 4;
            check(affineBlockCall(geometry, layout, rule), [source, bytes, groups, groups]);
          }
          const plain = { ...rule, scheme: "symmetric", halfScales: false } as const;
          check(affineDecodeCall(geometry, layout, plain), [codes, scales, 4, values.byteLength]);
          const records = affineErrorBytes(geometry);
          check(affineErrorCall(geometry, layout, rule), [source, codes, scales, zeroPoints, records]);
        },
      ),
      { numRuns: 150 },
    );
    await gpu.dispose();
  });

  it("go on over the borders of tiles", async () => {
    const gpu = await openGpuJs();
    const values = Float32Array.from({ length: 5 * 41_001 }, (_, k) => Math.sin(k * 1.7) * 2 ** (k % 9));
    const source = new Uint8Array(values.buffer);
    const shapes: readonly (readonly [Geometry, CodeLayout])[] = [
      [{ kind: "blocked", outer: 5, dim: 41_001, inner: 1, blockSize: 32 }, "rows"],
      [{ kind: "blocked", outer: 1, dim: 41_001, inner: 5, blockSize: 16 }, "rows"],
      [{ kind: "blocked", outer: 1, dim: 41_001, inner: 5, blockSize: 64 }, "natural"],
      [{ kind: "wide", outer: 3, channels: 5, inner: 13_667 }, "natural"],
      [{ kind: "wide", outer: 1, channels: 1, inner: 205_005 }, "natural"],
    ];
    for (const [geometry, layout] of shapes) {
      for (const rule of rules.slice(0, 4)) {
        const { scales, zeroPoints, codes } = encoded(source, geometry, layout, rule);
        const encode = affineEncodeCall(geometry, layout, rule);
        const run = affineKernels(gpu);
        const buffers = [source, scales, zeroPoints, codes.length];
        const ours = after(encode, buffers, run[encode.kernel]);
        expect(differenceAt(ours, [source, scales, zeroPoints, codes])).toBeUndefined();
        const decode = affineDecodeCall(geometry, layout, { ...rule, scheme: "symmetric", halfScales: false });
        const parts = [codes, scales, 4, values.byteLength];
        const theirs = after(decode, parts, kernelReferences[decode.kernel]);
        expect(differenceAt(after(decode, parts, run[decode.kernel]), theirs)).toBeUndefined();
      }
    }
    await gpu.dispose();
  });
});
