// Reference of nn/unary: each function in doubles, rounded to f32 once.
import { decodeHalf, encodeHalf } from "../../base/half.ts";
import type { KernelReference } from "../kernel.ts";
import { activate, activationKinds, activationOf, erf } from "./activation.ts";
import { unaryNumber, type UnaryOp } from "./unary.ts";

type Real = (x: number, a: number, b: number) => number;

const halfEven = (x: number): number => {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
};
const softplus: Real = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const saturate = (x: number): number => (x >= 2 ** 31 ? 2 ** 31 - 1 : x < -(2 ** 31) ? -(2 ** 31) : Math.trunc(x));

const reals: Readonly<Partial<Record<UnaryOp, Real>>> = {
  identity: (x) => x,
  abs: Math.abs,
  neg: (x) => -x,
  ceil: Math.ceil,
  floor: Math.floor,
  round: halfEven,
  sign: Math.sign,
  sqrt: Math.sqrt,
  reciprocal: (x) => 1 / x,
  exp: Math.exp,
  log: Math.log,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  sinh: Math.sinh,
  cosh: Math.cosh,
  asinh: Math.asinh,
  acosh: Math.acosh,
  atanh: Math.atanh,
  erf,
  softplus,
  softsign: (x) => x / (1 + Math.abs(x)),
  mish: (x, a, b) => x * Math.tanh(softplus(x, a, b)),
  shrink: (x, a, b) => (x < -a ? x + b : x > a ? x - b : 0),
  thresholdedRelu: (x, a) => (x > a ? x : 0),
  selu: (x, a, b) => b * (x > 0 ? x : a * Math.expm1(x)),
  celu: (x, a) => Math.max(x, 0) + Math.min(0, a * Math.expm1(x / a)),
  square: (x) => x * x,
  reciprocalSqrt: (x) => 1 / Math.sqrt(x),
  affine: (x, a, b) => x * a + b,
  swish: (x, a) => x / (1 + Math.exp(-a * x)),
};

type Word = (word: number, a: number, b: number) => number;

const scratch = new DataView(new ArrayBuffer(4));
const realOf = (word: number): number => (scratch.setUint32(0, word), scratch.getFloat32(0));
const wordOf = (x: number): number => (scratch.setFloat32(0, x), scratch.getUint32(0));
const int = (word: number): number => word | 0;

const words: Readonly<Partial<Record<UnaryOp, Word>>> = {
  not: (w) => Number(w === 0),
  isNan: (w) => Number(Number.isNaN(realOf(w))),
  isInf: (w, a, b) => Number((realOf(w) === -Infinity && a !== 0) || (realOf(w) === Infinity && b !== 0)),
  intNeg: (w) => -int(w) >>> 0,
  intAbs: (w) => Math.abs(int(w)) >>> 0,
  intSign: (w) => Math.sign(int(w)) >>> 0,
  bitwiseNot: (w) => ~w >>> 0,
  realToInt: (w) => saturate(realOf(w)) >>> 0,
  intToReal: (w) => wordOf(int(w)),
  realToBool: (w) => Number(realOf(w) !== 0),
  intToBool: (w) => Number(w !== 0),
  wrapSigned: (w, a) => ((w << (32 - a)) >> (32 - a)) >>> 0,
  wrapUnsigned: (w, a) => (a === 32 ? w : w & (2 ** a - 1)) >>> 0,
  roundHalf: (w) => wordOf(decodeHalf(encodeHalf(realOf(w)))),
  roundBfloat: (w) => (Number.isNaN(realOf(w)) ? w : ((w + 0x7fff + ((w >>> 16) & 1)) & 0xffff0000) >>> 0),
  uintToReal: (w) => wordOf(w),
  realToUint: (w) => (realOf(w) < 0 ? saturate(realOf(w)) >>> 0 : Math.min(Math.trunc(realOf(w)), 4_294_967_040)),
  intClip: (w, a, b) => Math.min(Math.max(int(w), a), b) >>> 0,
};

const byNumber = <T>(table: Readonly<Partial<Record<UnaryOp, T>>>): ReadonlyMap<number, T> =>
  new Map(Object.entries(table).map(([op, f]) => [unaryNumber(op as UnaryOp), f]));
const realByNumber = byNumber(reals);
const wordByNumber = byNumber(words);
const activationBase = unaryNumber("relu") - activationKinds.indexOf("relu");

export const unaryReference: KernelReference = (params, [x, y]) => {
  if (!x || !y) return;
  const { count = 0, a = 0, b = 0, op = 0 } = params;
  const [from, to] = [
    new DataView(x.buffer, x.byteOffset, x.byteLength),
    new DataView(y.buffer, y.byteOffset, y.byteLength),
  ];
  const word = wordByNumber.get(op);
  const real = realByNumber.get(op) ?? ((v: number) => activate(v, activationOf(op - activationBase, a, b)));
  for (let at = 0; at < 4 * count; at += 4) {
    if (word) to.setUint32(at, word(from.getUint32(at, true), a, b), true);
    else to.setFloat32(at, real(from.getFloat32(at, true), a, b), true);
  }
};
