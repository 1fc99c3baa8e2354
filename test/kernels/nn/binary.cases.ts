// Cases of nn/binary: every operation, and broadcasting from no dim to six.
import { binaryReference } from "../../../src/kernels/nn/binary.ref.ts";
import { binaryCall, binaryOps, binarySpec, type BinaryOp, type BinaryShape } from "../../../src/kernels/nn/binary.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";
import { bytesOf, uniform } from "../quantize/float-fixtures.ts";

const sizeOf = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1);

const positive: ReadonlySet<string> = new Set(["pow", "powInt"]);
const specials = [0, 1, -1, 2, -2, 3.5, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

function reals(op: BinaryOp, count: number, seed: number): Float32Array {
  const next = uniform(seed);
  const hasSpecials = !/div|mod|pow/i.test(op);
  return Float32Array.from({ length: count }, (_, i) => {
    const value = (positive.has(op) ? 0.2 : -4) + 8 * next();
    return hasSpecials && seed % 2 === 0 && i < specials.length ? (specials[i] ?? 0) : value;
  });
}

function integers(op: BinaryOp, count: number, seed: number): Int32Array {
  const next = uniform(seed);
  const isUnsigned = op.startsWith("uint");
  return Int32Array.from({ length: count }, () => {
    if (/shift/i.test(op) && seed % 2 === 1) return Math.floor(next() * 34);
    if (/pow/i.test(op)) return seed % 2 === 1 ? Math.floor(next() * 6) - 1 : Math.floor(next() * 20) - 10;
    const value = Math.floor((next() - (isUnsigned ? 0 : 0.5)) * 2 ** (next() < 0.5 ? 4 : 31));
    return /div|mod/i.test(op) && seed % 2 === 1 && value === 0 ? 7 : value;
  });
}

function caseOf(op: BinaryOp, shape: BinaryShape, name: string = op): KernelCase {
  const number = binaryOps[op];
  const words = (dims: readonly number[], seed: number): Uint8Array => {
    const ints = number >= 64 || (op === "powInt" && seed % 2 === 1);
    return ints ? new Uint8Array(integers(op, sizeOf(dims), seed).buffer) : bytesOf(reals(op, sizeOf(dims), seed));
  };
  return { name, call: binaryCall(op, shape), buffers: [words(shape.a, 4), words(shape.b, 7), 4 * sizeOf(shape.y)] };
}

const flat: BinaryShape = { a: [331], b: [331], y: [331] };

const shapes: readonly BinaryShape[] = [
  { a: [], b: [], y: [] },
  { a: [5], b: [], y: [5] },
  { a: [], b: [300], y: [300] },
  { a: [3, 7], b: [7], y: [3, 7] },
  { a: [3, 1], b: [3, 7], y: [3, 7] },
  { a: [3, 1], b: [1, 7], y: [3, 7] },
  { a: [2, 3, 4, 5], b: [3, 1, 1], y: [2, 3, 4, 5] },
  { a: [2, 1, 4, 1], b: [3, 1, 5], y: [2, 3, 4, 5] },
  { a: [2, 1, 2, 1, 2, 1], b: [1, 3, 1, 3, 1, 3], y: [2, 3, 2, 3, 2, 3] },
  { a: [2, 3, 1, 1, 3, 2, 1, 2], b: [2, 1, 1, 2, 3, 1, 1, 2], y: [2, 3, 1, 2, 3, 2, 1, 2] },
];

const nan: KernelCase = {
  name: "min, max and comparisons of NaN",
  call: binaryCall("max", { a: [4], b: [4], y: [4] }),
  buffers: [bytesOf([Number.NaN, 1, -1, 2]), bytesOf([1, Number.NaN, 3, 1]), 16],
};

export const room: KernelRoom = {
  spec: binarySpec,
  reference: binaryReference,
  cases: [
    ...Object.keys(binaryOps).map((op) => caseOf(op as BinaryOp, flat)),
    ...shapes.map((shape) => caseOf("sub", shape, `[${shape.a.join()}] - [${shape.b.join()}]`)),
    nan,
    { ...nan, name: "NaN equals nothing", call: binaryCall("equal", { a: [4], b: [4], y: [4] }) },
    {
      name: "powers of negative numbers",
      call: binaryCall("pow", { a: [6], b: [6], y: [6] }),
      buffers: [bytesOf([-2, -2, -1.5, -3, 0, 5]), bytesOf([3, 2, -1, 0, 2, 1]), 24],
    },
    {
      ...caseOf("add", { a: [70_001], b: [], y: [70_001] }),
      name: "more than 65,535 workgroups",
      call: binaryCall("add", { a: [70_001], b: [], y: [70_001] }, { wg: 1, each: 1 }),
    },
  ],
};
