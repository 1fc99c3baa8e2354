// Properties of the affine kernels on random input: the device agrees with exact arithmetic bit for bit, the
// fused kernel with the separate ones, and no element is farther from its code than half a step.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { KernelCall, KernelSpec } from "../../src/kernels/kernel.ts";
import { affineBlockCall, affineBlockSpec, fitsAffineBlock } from "../../src/kernels/quantize/affine-block.ts";
import { affineDecodeCall, affineDecodeSpec } from "../../src/kernels/quantize/affine-decode.ts";
import { affineEncodeCall, affineEncodeSpec } from "../../src/kernels/quantize/affine-encode.ts";
import {
  affineScale,
  affineZeroPoint,
  asI32,
  lowestCode,
  roundings,
  schemes,
  type AffineRule,
} from "../../src/kernels/quantize/affine-rule.ts";
import { affineScaleCall, affineScaleSpec } from "../../src/kernels/quantize/affine-scale.ts";
import {
  codeCount,
  elementsOf,
  groupCount,
  type CodeLayout,
  type Geometry,
} from "../../src/kernels/quantize/geometry.ts";
import { groupRangeCall, groupRangeSpec } from "../../src/kernels/quantize/group-range.ts";
import { packZeroPointsCall, packZeroPointsSpec, zeroPointBytes } from "../../src/kernels/quantize/pack-zero-points.ts";
import { asF32, forEachElement, getCode, packedBytes, shapeParams } from "../../src/kernels/quantize/shape.ts";
import type { GpuContext } from "../../src/device/context.ts";
import { anyBits, bytesOf, randomStream, weights } from "../support/float-data.ts";
import { testDevice } from "../support/gpu.ts";
import { runCall, type KernelCase } from "../support/kernel-harness.ts";

const device = testDevice();
const runs = 25;

const anyRule = fc.record<AffineRule>({
  bits: fc.constantFrom(2, 4, 8),
  signed: fc.boolean(),
  scheme: fc.constantFrom(...schemes),
  rounding: fc.constantFrom(...roundings),
  halfScales: fc.boolean(),
});

const anyBlocked = fc.record({
  kind: fc.constant("blocked" as const),
  outer: fc.integer({ min: 1, max: 4 }),
  dim: fc.integer({ min: 1, max: 150 }),
  inner: fc.integer({ min: 1, max: 6 }),
  blockSize: fc.constantFrom(16, 32, 48, 64, 128),
});
const anyWide = fc.record({
  kind: fc.constant("wide" as const),
  outer: fc.integer({ min: 1, max: 9 }),
  channels: fc.integer({ min: 1, max: 9 }),
  inner: fc.integer({ min: 1, max: 9 }),
});
const anyGeometry: fc.Arbitrary<Geometry> = fc.oneof(anyBlocked, anyWide);
const anyLayout = fc.constantFrom<CodeLayout>("natural", "rows");
const anySeed = fc.integer({ min: 0, max: 2 ** 31 - 1 });

/** The buffer at `index` as a call leaves it. */
async function output(
  gpu: GpuContext,
  spec: KernelSpec,
  call: KernelCall,
  buffers: KernelCase["buffers"],
  index: number,
): Promise<Uint8Array> {
  const left = await runCall(gpu, spec, call, buffers);
  return left[index] ?? new Uint8Array();
}

const finite = (x: number): number => (Number.isFinite(x) && Math.abs(x) >= 2 ** -126 ? Math.abs(x) : 0);

describe("exact arithmetic", () => {
  it("divides, rounds to f16 and rounds zero points as real numbers do", async () => {
    const gpu = await device();
    await fc.assert(
      fc.asyncProperty(anySeed, anyRule, async (seed, rule) => {
        const groups = 3000;
        const [low, high] = [anyBits(groups, seed), anyBits(groups, seed + 1)];
        const ranges = Float32Array.from({ length: groups * 2 }, (_, i) =>
          i % 2 === 0 ? -finite(low[i >> 1] ?? 0) : finite(high[i >> 1] ?? 0),
        );
        const call = affineScaleCall(groups, rule);
        const [, scales, zeros] = await runCall(gpu, affineScaleSpec, call, [bytesOf(ranges), groups * 4, groups * 4]);
        const want = Array.from({ length: groups }, (_, g) =>
          affineScale(ranges[2 * g] ?? 0, ranges[2 * g + 1] ?? 0, rule),
        );
        expect([...asF32(scales)]).toEqual(want);
        expect([...asI32(zeros)]).toEqual(want.map((scale, g) => affineZeroPoint(ranges[2 * g] ?? 0, scale, rule)));
      }),
      { numRuns: runs },
    );
  });

  it("rounds quotients within an ulp of a tie to the right side", async () => {
    const gpu = await device();
    await fc.assert(
      fc.asyncProperty(anySeed, anyRule, async (seed, rule) => {
        const [groups, block] = [64, 64];
        const next = randomStream(seed);
        const scales = Float32Array.from(
          { length: groups },
          () => (next() - 0.5) * 2 ** Math.floor(next() * 200 - 100),
        );
        const zeros = Int32Array.from({ length: groups }, () => lowestCode(rule) + Math.floor(next() * 2 ** rule.bits));
        const source = new Float32Array(groups * block);
        const bits = new Uint32Array(source.buffer);
        for (let i = 0; i < source.length; i++) {
          const step = Math.floor(next() * 2 ** (rule.bits + 1)) - 2 ** rule.bits + 0.5;
          source[i] = step * (scales[Math.floor(i / block)] ?? 1);
          bits[i] = (bits[i] ?? 0) + Math.floor(next() * 3) - 1;
        }
        const geometry: Geometry = { kind: "blocked", outer: 1, dim: groups * block, inner: 1, blockSize: block };
        const call = affineEncodeCall(geometry, "natural", rule);
        const size = packedBytes(source.length, rule.bits);
        const buffers = [bytesOf(source), bytesOf(scales), new Uint8Array(zeros.buffer), size];
        const codes = await output(gpu, affineEncodeSpec, call, buffers, 3);
        for (const [i, x] of source.entries()) {
          const group = Math.floor(i / block);
          expect(getCode(codes, i, rule.bits), `${x} / ${scales[group]} + ${zeros[group]}`).toBe(
            codeOf(x, scales[group] ?? 1, zeros[group] ?? 0, rule),
          );
        }
      }),
      { numRuns: runs },
    );
  });
});

/** The code by another road than the reference: compares 2 x with odd multiples of the scale, in whole numbers. */
function codeOf(x: number, scale: number, zero: number, rule: AffineRule): number {
  const [a, b] = [wholeNumber(Math.abs(x)), wholeNumber(Math.abs(scale))];
  const positive = x === 0 || x > 0 === scale > 0;
  let steps = a / b;
  const twiceRest = 2n * (a % b);
  const up =
    rule.rounding === "half-even"
      ? steps % 2n === 1n
      : rule.rounding === "half-away" || (rule.rounding === "half-up" && positive);
  if (twiceRest > b || (twiceRest === b && up)) steps += 1n;
  const lowest = BigInt(lowestCode(rule));
  const highest = lowest + 2n ** BigInt(rule.bits) - 1n;
  const code = BigInt(zero) + (positive ? steps : -steps);
  const bounded = code < lowest ? lowest : code > highest ? highest : code;
  return Number(BigInt.asUintN(rule.bits, bounded));
}

/** A positive float as a whole multiple of a small power of two. */
function wholeNumber(value: number): bigint {
  const exponent = value === 0 ? 0 : Math.floor(Math.log2(value)) - 30;
  return BigInt(value / 2 ** exponent) << BigInt(exponent + 200);
}

interface Chain {
  readonly scales: Uint8Array;
  readonly zeros: Uint8Array;
  readonly codes: Uint8Array;
}

async function staged(
  gpu: GpuContext,
  source: Uint8Array,
  geometry: Geometry,
  layout: CodeLayout,
  rule: AffineRule,
): Promise<Chain> {
  const groups = groupCount(geometry);
  const whole = { segments: 1, length: 4096, interleave: 1 } as const;
  const call = groupRangeCall(geometry, layout, whole);
  const ranges = await output(gpu, groupRangeSpec, call, [source, groups * 8], 1);
  const scaleBuffers = [ranges, groups * 4, groups * 4];
  const [, scales, zeros] = await runCall(gpu, affineScaleSpec, affineScaleCall(groups, rule), scaleBuffers);
  if (!scales || !zeros) throw new Error("no scales");
  const size = packedBytes(codeCount(geometry, layout), rule.bits);
  const encode = affineEncodeCall(geometry, layout, rule);
  const codes = await output(gpu, affineEncodeSpec, encode, [source, scales, zeros, size], 3);
  return { scales, zeros, codes };
}

describe("encoding", () => {
  it("decodes to within half a step of every element that is not clipped", async () => {
    const gpu = await device();
    await fc.assert(
      fc.asyncProperty(anyGeometry, anyLayout, anyRule, anySeed, async (geometry, layout, rule, seed) => {
        const values = weights(elementsOf(geometry), seed);
        const { scales, zeros, codes } = await staged(gpu, bytesOf(values), geometry, layout, rule);
        const size = Math.ceil(zeroPointBytes(geometry, layout, rule.bits) / 4) * 4;
        const pack = packZeroPointsCall(geometry, layout, rule.bits);
        const packed = await output(gpu, packZeroPointsSpec, pack, [zeros, size], 1);
        const decode = affineDecodeCall(geometry, layout, { ...rule, halfScales: false });
        const buffers = [codes, scales, packed, values.length * 4];
        const decoded = asF32(await output(gpu, affineDecodeSpec, decode, buffers, 3));
        const [scale, zero] = [asF32(scales), asI32(zeros)];
        const lowest = lowestCode(rule);
        forEachElement(shapeParams(geometry, layout), (element, _position, group) => {
          const [x, y, s] = [values[element] ?? 0, decoded[element] ?? 0, scale[group] ?? 0];
          const ends = [lowest, lowest + 2 ** rule.bits - 1].map((code) => (code - (zero[group] ?? 0)) * s);
          const reached = Math.min(Math.max(...ends), Math.max(Math.min(...ends), x));
          expect(Math.abs(y - reached), `element ${element}`).toBeLessThanOrEqual((Math.abs(s) / 2) * 1.00001);
        });
      }),
      { numRuns: runs },
    );
  });

  it("gives the same bytes fused and step by step", async () => {
    const gpu = await device();
    await fc.assert(
      fc.asyncProperty(anyBlocked, anyLayout, anyRule, anySeed, async (geometry, layout, rule, seed) => {
        fc.pre(fitsAffineBlock(geometry, layout, rule.bits));
        const source = bytesOf(
          seed % 4 === 0 ? anyBits(elementsOf(geometry), seed) : weights(elementsOf(geometry), seed),
        );
        const { scales, zeros, codes } = await staged(gpu, source, geometry, layout, rule);
        const groups = groupCount(geometry);
        for (const { name } of affineBlockSpec.variants) {
          const call = affineBlockCall(geometry, layout, rule, name);
          const fused = await runCall(gpu, affineBlockSpec, call, [source, codes.length, groups * 4, groups * 4]);
          expect(fused.slice(1)).toEqual([codes, scales, zeros]);
        }
      }),
      { numRuns: runs },
    );
  });
});
