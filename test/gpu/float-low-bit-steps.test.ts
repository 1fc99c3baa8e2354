// The float and very-low-bit encodings on the device: every buffer of every step, scratch included, holds
// the same bytes as on the references. A property over encodings, shapes, layouts and raw f32 bits.
import { array, assert, asyncProperty, boolean, constantFrom, integer, record } from "fast-check";
import { describe, expect, it } from "vitest";
import type { Geometry } from "../../src/kernels/quantize/geometry.ts";
import { kernelReferences } from "../../src/kernels/references.ts";
import { kernelSpecs } from "../../src/kernels/registry.ts";
import type { Encoding } from "../../src/methods/quantize/encoding.ts";
import { encodeAndDecode, requestOf } from "../support/float-encodings.ts";
import { testDevice } from "../support/gpu.ts";
import { memoryOf, runByReference, runOnDevice } from "../support/run-steps.ts";

const blockedOnly: Encoding[] = [
  { kind: "mx", element: "e2m1", scaleRule: "rceil" },
  { kind: "mx", element: "e2m3", scaleRule: "floor" },
  { kind: "mx", element: "e3m2", scaleRule: "even" },
  { kind: "mx", element: "e4m3", scaleRule: "rceil" },
  { kind: "mx", element: "e5m2", scaleRule: "floor" },
  { kind: "nvfp4" },
];
const anyGeometry: Encoding[] = [
  { kind: "float8", element: "e4m3fn" },
  { kind: "float8", element: "e5m2" },
  { kind: "ternary", rule: "twn" },
  { kind: "ternary", rule: "absmean" },
  { kind: "binary" },
];

/** Weights of one binade and its neighbours, with any mantissa; now and then any bits at all. */
function sourceOf(words: readonly number[], count: number, wild: boolean): Uint8Array {
  const bits = Uint32Array.from({ length: count }, (_, at) => {
    const word = Math.imul((words[at % words.length] ?? 0) + at * 0x9e3779b1, 0x85ebca6b) >>> 0;
    return wild && at % 7 === 0 ? word : (word & 0x80ffffff) | (0x3d000000 + (at % 3) * 0x00800000);
  });
  return new Uint8Array(bits.buffer);
}

describe("float and very-low-bit steps", () => {
  const device = testDevice();

  it("give the references' bytes", async () => {
    const gpu = await device();
    const cases = record({
      encoding: constantFrom(...blockedOnly, ...anyGeometry),
      wide: boolean(),
      wild: boolean(),
      half: boolean(),
      layout: constantFrom("natural" as const, "rows" as const),
      outer: integer({ min: 1, max: 3 }),
      dim: integer({ min: 1, max: 150 }),
      inner: integer({ min: 1, max: 20 }),
      words: array(integer({ min: 0, max: 0xffffffff }), { minLength: 1, maxLength: 9 }),
    });
    await assert(
      asyncProperty(cases, async ({ encoding, wide, wild, half, layout, outer, dim, inner, words }) => {
        const blockSize = encoding.kind === "mx" ? 32 : 16;
        const geometry: Geometry =
          wide && anyGeometry.includes(encoding)
            ? { kind: "wide", outer, channels: dim, inner }
            : { kind: "blocked", outer, dim, inner, blockSize };
        const { pieces } = encodeAndDecode(gpu.profile, requestOf(encoding, geometry, layout, half ? "f16" : "f32"));
        const contents = { source: sourceOf(words, outer * dim * inner, wild) };
        const [wanted, got] = [memoryOf(pieces, contents), memoryOf(pieces, contents)];
        runByReference(pieces, wanted, kernelReferences);
        await runOnDevice(gpu, pieces, got, kernelSpecs);
        for (const [name, bytes] of wanted) expect(got.get(name), name).toEqual(bytes);
      }),
      { numRuns: 60, seed: 20 },
    );
  });
});
