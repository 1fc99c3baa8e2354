// Cases of nn/unary: every function over its domain, with specials where their outcome is defined.
import { activationKinds } from "../../../src/kernels/nn/activation.ts";
import { unaryReference } from "../../../src/kernels/nn/unary.ref.ts";
import { unaryCall, unarySpec, type UnaryOp } from "../../../src/kernels/nn/unary.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";
import { bytesOf, uniform } from "../quantize/float-fixtures.ts";

interface Domain {
  readonly low: number;
  readonly high: number;
  readonly specials?: readonly number[];
  readonly a?: number;
  readonly b?: number;
}

const infinities = [0, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
const wide: Domain = { low: -8, high: 8, specials: [0, -0, 1, -1, 100, -100] };

const domains: Readonly<Partial<Record<UnaryOp, Domain>>> = {
  identity: { low: -8, high: 8, specials: infinities },
  abs: { low: -8, high: 8, specials: infinities },
  neg: { low: -8, high: 8, specials: infinities },
  ceil: { low: -9, high: 9, specials: [2, -2, 0.5, -0.5] },
  floor: { low: -9, high: 9, specials: [2, -2, 0.5, -0.5] },
  round: { low: -9, high: 9, specials: [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 1e9] },
  sign: { low: -2, high: 2, specials: [0] },
  sqrt: { low: 0, high: 100, specials: [0, 4] },
  reciprocal: { low: 0.1, high: 20, specials: [-0.5, -3] },
  exp: { low: -20, high: 10, specials: [0, -100] },
  log: { low: 1e-3, high: 50, specials: [1] },
  sin: { low: -900, high: 900, specials: [0, 1e-4] },
  cos: { low: -900, high: 900, specials: [0] },
  tan: { low: -1.2, high: 1.2 },
  asin: { low: -1, high: 1, specials: [0, 1, -1, 0.5] },
  acos: { low: -1, high: 1, specials: [0, 1, -1, -0.5] },
  atan: { low: -20, high: 20, specials: [0] },
  sinh: { low: -4, high: 4, specials: [0] },
  cosh: { low: -4, high: 4, specials: [0] },
  asinh: { low: -9, high: 9, specials: [0, 0.005] },
  acosh: { low: 1.01, high: 9 },
  atanh: { low: -0.95, high: 0.95, specials: [0, 0.005] },
  erf: { low: -5, high: 5, specials: [0, 1, -1, 9] },
  softplus: { low: -20, high: 20, specials: [0, 200, -200] },
  softsign: wide,
  mish: wide,
  shrink: { ...wide, a: 0.5, b: 0.25 },
  thresholdedRelu: { ...wide, a: 0.7 },
  selu: { ...wide, a: 1.67326, b: 1.0507 },
  celu: { ...wide, a: 2 },
  square: wide,
  reciprocalSqrt: { low: 0.01, high: 50 },
  affine: { ...wide, a: 0.3, b: -1 },
  swish: { ...wide, a: 1.5 },
  relu: { low: -8, high: 8, specials: infinities },
  clip: { ...wide, a: -1, b: 2 },
  leakyRelu: { ...wide, a: 0.1 },
  hardSigmoid: { ...wide, a: 0.2, b: 0.5 },
  elu: { ...wide, a: 0.8 },
};

const oddWords = [
  0, 1, 0xffffffff, 0x80000000, 0x7fffffff, 0x7fc00000, 0xffc00001, 0x7f800000, 0xff800000, 0x477fe000, 0x33000001,
  0x3f801000, 0x3f803000, 0x42fe0000, 0xc2fe0000, 0x4f000000, 0xcf000000, 0x4eff0000, 300, 0xfffffed4,
];

const constants: Readonly<Partial<Record<UnaryOp, readonly [number, number]>>> = {
  isInf: [1, 0],
  wrapSigned: [8, 0],
  wrapUnsigned: [8, 0],
  intClip: [-100, 250],
};

function realCase(op: UnaryOp, { low, high, specials = [], a = 0, b = 0 }: Domain, count = 517): KernelCase {
  const next = uniform(count + low);
  const values = Float32Array.from({ length: count }, (_, i) => specials[i] ?? low + (high - low) * next());
  return { name: `${op} of ${count}`, call: unaryCall(count, op, a, b), buffers: [bytesOf(values), 4 * count] };
}

function wordCase(op: UnaryOp): KernelCase {
  // Casts from NaN and of f32 words that are subnormal are left to the adapter.
  const fromReal = op === "realToInt" || op === "realToUint" || op === "realToBool";
  const words = Uint32Array.from(
    fromReal ? oddWords.filter((w) => (w & 0x7fffffff) <= 0x7f800000 && ((w & 0x7f800000) !== 0 || w === 0)) : oddWords,
  );
  const [a, b] = constants[op] ?? [0, 0];
  return {
    name: op,
    call: unaryCall(words.length, op, a, b),
    buffers: [new Uint8Array(words.buffer), words.byteLength],
  };
}

const wordOps: readonly UnaryOp[] = [
  "not",
  "isNan",
  "isInf",
  "intNeg",
  "intAbs",
  "intSign",
  "bitwiseNot",
  "realToInt",
  "intToReal",
  "realToBool",
  "intToBool",
  "wrapSigned",
  "wrapUnsigned",
  "roundHalf",
  "roundBfloat",
  "uintToReal",
  "realToUint",
  "intClip",
];

const kinds = activationKinds.filter((kind): kind is Exclude<typeof kind, "none"> => kind !== "none");
const plain = kinds.filter((kind) => domains[kind] === undefined).map((kind) => realCase(kind, wide));

export const room: KernelRoom = {
  spec: unarySpec,
  reference: unaryReference,
  cases: [
    ...Object.entries(domains).map(([op, domain]) => realCase(op as UnaryOp, domain)),
    ...plain,
    ...wordOps.map(wordCase),
    ...[1, 255, 256, 257, 70_001].map((count) => realCase("abs", wide, count)),
    {
      ...realCase("abs", wide, 70_001),
      name: "more than 65,535 workgroups",
      call: unaryCall(70_001, "abs", 0, 0, { wg: 1, each: 1 }),
    },
  ],
};
