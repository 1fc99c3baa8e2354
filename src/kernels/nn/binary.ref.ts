// Reference of nn/binary: each operation in doubles or 32-bit integers, rounded once.
import type { KernelReference } from "../kernel.ts";
import { binaryOps, binaryRank, type BinaryOp } from "./binary.ts";
import { operandPosition } from "./broadcast.ts";

type Operation = (a: number, b: number) => number;

const bool =
  (test: (a: number, b: number) => boolean): Operation =>
  (a, b) =>
    Number(test(a, b));
const pythonMod: Operation = (a, b) => {
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
};
const intPow: Operation = (a, b) => {
  if (b < 0) return a === 1 ? 1 : a === -1 ? (b % 2 === 0 ? 1 : -1) : 0;
  let result = 1;
  for (let i = 0; i < b; i++) result = Math.imul(result, a);
  return result;
};

const operations: Readonly<Record<BinaryOp, Operation>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  pow: (a, b) => a ** b,
  min: Math.min,
  max: Math.max,
  fmod: (a, b) => a % b,
  mod: pythonMod,
  prelu: (a, b) => (a < 0 ? a * b : a),
  powInt: (a, b) => a ** b,
  equal: bool((a, b) => a === b),
  greater: bool((a, b) => a > b),
  less: bool((a, b) => a < b),
  greaterOrEqual: bool((a, b) => a >= b),
  lessOrEqual: bool((a, b) => a <= b),
  intAdd: (a, b) => a + b,
  intSub: (a, b) => a - b,
  intMul: Math.imul,
  intDiv: (a, b) => Math.trunc(a / b),
  intPow,
  intMin: Math.min,
  intMax: Math.max,
  intFmod: (a, b) => a % b,
  intMod: pythonMod,
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  shiftLeft: (a, b) => (b > 31 ? 0 : a << b),
  shiftRight: (a, b) => (b > 31 ? 0 : a >>> b),
  intEqual: bool((a, b) => a === b),
  intGreater: bool((a, b) => a > b),
  intLess: bool((a, b) => a < b),
  intGreaterOrEqual: bool((a, b) => a >= b),
  intLessOrEqual: bool((a, b) => a <= b),
  uintDiv: (a, b) => Math.trunc(a / b),
  uintMin: Math.min,
  uintMax: Math.max,
  uintMod: (a, b) => a % b,
  uintGreater: bool((a, b) => a > b),
  uintLess: bool((a, b) => a < b),
  uintGreaterOrEqual: bool((a, b) => a >= b),
  uintLessOrEqual: bool((a, b) => a <= b),
};

const byNumber = new Map<number, BinaryOp>(Object.entries(binaryOps).map(([name, n]) => [n, name as BinaryOp]));

export const binaryReference: KernelReference = (params, [a, b, y]) => {
  const name = byNumber.get(params["op"] ?? -1);
  if (!a || !b || !y || name === undefined) return;
  const number = binaryOps[name];
  const [av, bv, yv] = [a, b, y].map((bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  if (!av || !bv || !yv) return;
  const load = (view: DataView, at: number): number => {
    if (number < 64) return view.getFloat32(4 * at, true);
    return number < 128 ? view.getInt32(4 * at, true) : view.getUint32(4 * at, true);
  };
  for (let at = 0; at < (params["count"] ?? 0); at++) {
    const [from, second] = [operandPosition(params, "a", at, binaryRank), operandPosition(params, "b", at, binaryRank)];
    const z = name === "powInt" ? bv.getInt32(4 * second, true) : load(bv, second);
    const value = operations[name](load(av, from), z);
    // Comparisons give words, whatever they compare.
    if (number < 16) yv.setFloat32(4 * at, value, true);
    else yv.setUint32(4 * at, value >>> 0, true);
  }
};
