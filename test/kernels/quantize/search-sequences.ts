// Cases of the wide search kernels, taken from real sequences: the steps of a whole search run on the
// references, and each call of the wanted kernel becomes a case with the buffers as it found them. Scratch
// starts as garbage, as it may on a device.
import { kernelReferences } from "../../../src/kernels/references.ts";
import type { CodeLayout, Geometry } from "../../../src/kernels/quantize/geometry.ts";
import type { AffineEncoding, ScaleSearch, ScaleType } from "../../../src/methods/quantize/encoding.ts";
import { searchSteps } from "../../../src/methods/quantize/search-steps.ts";
import { portableProfile } from "../../../src/plan/portable-profile.ts";
import type { KernelCase } from "../../support/kernel-harness.ts";
import { bufferOf, memoryOf, runByReference, type Memory, type StepsToRun } from "../../support/run-steps.ts";
import { absmaxStart, bytesOf, randomValues, target, type Character, type Start } from "./search-cases.ts";

export interface Search {
  readonly encoding: AffineEncoding;
  readonly geometry: Geometry;
  readonly search: ScaleSearch;
  readonly layout?: CodeLayout;
  readonly scaleType?: ScaleType;
}

export const affine = (bits: 2 | 4 | 8, scheme: AffineEncoding["scheme"]): AffineEncoding => ({
  kind: "affine",
  bits,
  signed: false,
  scheme,
  rounding: "half-even",
});

/** The search's own view of an encoding, for first scales and true errors. */
export const targetOf = ({ encoding, scaleType }: Search): ReturnType<typeof target> => {
  const scheme = encoding.scheme === "symmetric-full" ? "full" : encoding.scheme;
  return target(encoding.bits, scheme, scaleType === "f16");
};

export interface Prepared {
  readonly piece: StepsToRun;
  readonly memory: Memory;
  readonly start: Start;
}

/** Steps and buffers of a search over given weights. */
export function prepare(of: Search, x: Float32Array, importance?: Float32Array): Prepared {
  const { encoding, geometry, search, layout = "natural", scaleType = "f32" } = of;
  const start = absmaxStart(targetOf(of), geometry, layout, x);
  const piece = searchSteps(portableProfile, {
    encoding,
    geometry,
    layout,
    search,
    scaleType,
    source: "x",
    scales: "scales",
    zeroPoints: "zeros",
    ...(importance ? { importance: "importance" } : {}),
    prefix: "p.",
  });
  const memory = memoryOf([{ ...piece, uploads: [] }], {
    x: bytesOf(x),
    scales: bytesOf(start.scales),
    zeros: bytesOf(start.zeroPoints),
    ...(importance ? { importance: bytesOf(importance) } : {}),
  });
  for (const name of Object.keys(piece.buffers)) bufferOf(memory, name).fill(0xa5);
  for (const { buffer, data } of piece.uploads) {
    if (data.kind === "inline") bufferOf(memory, buffer).set(bytesOf(Uint32Array.from(data.words)));
  }
  return { piece, memory, start };
}

/** Scales and zero points that a search leaves, by the references. */
export function outcome(of: Search, x: Float32Array, importance?: Float32Array): { before: Start; after: Start } {
  const { piece, memory, start } = prepare(of, x, importance);
  runByReference([piece], memory, kernelReferences);
  const scales = new Float32Array(bufferOf(memory, "scales").slice().buffer);
  const zeroPoints = new Int32Array(bufferOf(memory, "zeros").slice().buffer);
  return { before: start, after: { scales, zeroPoints } };
}

/** Cases of one kernel, at most `most` of its calls spread over the sequence. */
export function casesFrom(
  kernel: string,
  name: string,
  of: Search,
  character: Character,
  { most = 3, overrides = {} }: { readonly most?: number; readonly overrides?: Readonly<Record<string, number>> } = {},
): KernelCase[] {
  const { geometry } = of;
  const dim = geometry.kind === "wide" ? geometry.channels : geometry.dim;
  const { piece, memory } = prepare(of, randomValues(character, geometry.outer * dim * geometry.inner, 7 + dim));
  const own = piece.steps.filter(({ call }) => call.kernel === kernel);
  const wanted = new Set(
    Array.from({ length: most }, (_, k) => own[Math.floor((k * (own.length - 1)) / (most - 1 || 1))]),
  );
  const cases: KernelCase[] = [];
  for (const step of piece.steps) {
    if (wanted.has(step)) {
      const wg = overrides["wg"] ?? step.call.overrides["wg"] ?? 64;
      const workgroups = Math.ceil((step.call.workgroups * (step.call.overrides["wg"] ?? 64)) / wg);
      cases.push({
        name: `${name}, step ${piece.steps.indexOf(step)}`,
        call: { ...step.call, overrides: { ...step.call.overrides, wg }, workgroups },
        buffers: step.bindings.map((binding) => bufferOf(memory, binding).slice()),
      });
    }
    if (cases.length === wanted.size) break;
    runByReference([{ buffers: {}, uploads: [], steps: [step] }], memory, kernelReferences);
  }
  return cases;
}

const wide = (outer: number, channels: number, inner: number): Geometry => ({ kind: "wide", outer, channels, inner });

/** The table that the wide kernels share: granularities, tails, characters of weights, every scheme. */
export function wideCases(kernel: string, search: ScaleSearch): KernelCase[] {
  const make = (
    name: string,
    encoding: AffineEncoding,
    geometry: Geometry,
    character: Character,
    scaleType: ScaleType = "f32",
  ): KernelCase[] => casesFrom(kernel, name, { encoding, geometry, search, scaleType }, character);
  const manyGroups: Search = { encoding: affine(4, "symmetric"), geometry: wide(1, 65_600, 2), search };
  return [
    ...make("one element", affine(8, "symmetric"), wide(1, 1, 1), "gauss"),
    ...make("per tensor, several segments", affine(8, "asymmetric"), wide(1, 1, 3001), "outlier"),
    ...make("channels first", affine(4, "symmetric"), wide(1, 5, 700), "gauss"),
    ...make("channels in the middle, f16 scales", affine(4, "symmetric-full"), wide(7, 3, 50), "laplace", "f16"),
    ...make("channels last", affine(2, "asymmetric"), wide(333, 4, 1), "gauss"),
    ...make("8 bits, outliers", affine(8, "symmetric"), wide(2, 3, 400), "outlier"),
    ...make("positive weights", affine(4, "asymmetric"), wide(1, 2, 600), "positive"),
    ...make("all zero", affine(4, "asymmetric"), wide(1, 2, 64), "zero"),
    ...make("all equal", affine(4, "symmetric-full"), wide(1, 2, 64), "constant"),
    ...make("near the smallest scales", affine(4, "symmetric"), wide(1, 2, 64), "tiny"),
    ...make("NaN, infinity, subnormals, huge", affine(8, "asymmetric"), wide(2, 2, 97), "wild"),
    ...casesFrom(kernel, "more than 65,535 workgroups", manyGroups, "gauss", { most: 1, overrides: { wg: 1 } }),
  ];
}
