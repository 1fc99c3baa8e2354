// Functions of recurrent gates: the activations of src/kernels/nn/activation.ts and those that only recurrent layers
// take, by the numbers of shaders/common/recurrent.wgsl; and what the calls of all steps have in common.
import { UnsupportedError } from "../../base/errors.ts";
import type { ParamType } from "../kernel.ts";
import { activate, activationKinds, activationOf, type ActivationKind } from "../nn/activation.ts";

/** Kinds that only recurrent layers take. */
const ownKinds = ["affine", "scaledTanh", "softsign", "softplus", "thresholdedRelu"] as const;

const firstOwn = 32;

/**
 * A gate's function and its constants (ONNX's alpha and beta): affine a x + b; scaledTanh a tanh(b x);
 * thresholdedRelu is x above a, else 0.
 */
export interface GateFunction {
  readonly kind: ActivationKind | (typeof ownKinds)[number];
  readonly a?: number;
  readonly b?: number;
}

export const sigmoidGate: GateFunction = { kind: "sigmoid" };
export const tanhGate: GateFunction = { kind: "tanh" };

/** The number of a kind. */
export function gateNumber(kind: GateFunction["kind"]): number {
  const own = ownKinds.findIndex((each) => each === kind);
  return own >= 0 ? firstOwn + own : activationKinds.findIndex((each) => each === kind);
}

/** The function by number, in doubles. */
export function gateFunction(x: number, number: number, a: number, b: number): number {
  const kind = ownKinds[number - firstOwn];
  if (kind === "affine") return a * x + b;
  if (kind === "scaledTanh") return a * Math.tanh(b * x);
  if (kind === "softsign") return x / (1 + Math.abs(x));
  if (kind === "softplus") return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
  if (kind === "thresholdedRelu") return x > a ? x : 0;
  return activate(x, activationOf(number, a, b));
}

/** Limits what goes into a gate; a limit of 0 is none. */
export const clipGate = (x: number, limit: number): number => (limit > 0 ? Math.max(-limit, Math.min(limit, x)) : x);

/** One step of one direction of a recurrent layer. */
export interface RecurrentStep {
  readonly batch: number;
  readonly hidden: number;
  /** This step's number, from 0, in the order of computation. */
  readonly step: number;
  /** Steps in all. */
  readonly steps: number;
  /** Runs each entry from its last valid step to its first. */
  readonly reverse?: boolean;
  /** Whether the entries have lengths of their own. */
  readonly lengths?: boolean;
  /** Largest magnitude of what goes into a gate's function; none by default. */
  readonly clip?: number;
  /** Where the gates of x lie, in elements: of the direction, per time, per entry. */
  readonly x: { readonly at: number; readonly time: number; readonly batch: number };
  /** Where h goes in y, likewise. */
  readonly y: { readonly at: number; readonly time: number; readonly batch: number };
}

export const stepParamList: readonly (readonly [name: string, type: ParamType])[] = [
  ["batch", "u32"],
  ["hidden", "u32"],
  ["step", "u32"],
  ["steps", "u32"],
  ["x_at", "u32"],
  ["x_time", "u32"],
  ["x_batch", "u32"],
  ["y_at", "u32"],
  ["y_time", "u32"],
  ["y_batch", "u32"],
  ["clip", "f32"],
];

/**
 * Params that every step has.
 * @throws UnsupportedError where a place would pass 32 bits
 */
export function stepParams({ batch, hidden, step, steps, clip = 0, x, y }: RecurrentStep): Record<string, number> {
  const reach = ({ at, time, batch: entry }: RecurrentStep["x"]): number =>
    at + (steps - 1) * time + (batch - 1) * entry + 4 * hidden;
  if (Math.max(reach(x), reach(y)) >= 2 ** 32) {
    throw new UnsupportedError(
      `A recurrent layer of ${steps} steps, ${batch} entries and ${hidden} units is too large.`,
      {
        hint: "Cut the batch or the sequence.",
        details: { steps, batch, hidden },
      },
    );
  }
  return {
    batch,
    hidden,
    step,
    steps,
    x_at: x.at,
    x_time: x.time,
    x_batch: x.batch,
    y_at: y.at,
    y_time: y.time,
    y_batch: y.batch,
    clip,
  };
}

/** Overrides that every step has. */
export const stepFlags = ({ reverse, lengths }: RecurrentStep): { reverse: number; has_lengths: number } => ({
  reverse: reverse ? 1 : 0,
  has_lengths: lengths ? 1 : 0,
});

/** Numbers and constants of gate functions, as overrides function0… and params a0…, b0…. */
export function functionSettings(functions: readonly GateFunction[]): {
  readonly overrides: Readonly<Record<string, number>>;
  readonly params: Readonly<Record<string, number>>;
} {
  return {
    overrides: Object.fromEntries(functions.map(({ kind }, i) => [`function${i}`, gateNumber(kind)])),
    params: Object.fromEntries(
      functions.flatMap(({ a = 0, b = 0 }, i) => [
        [`a${i}`, a],
        [`b${i}`, b],
      ]),
    ),
  };
}

/** For references: a function of a call's params by its place, behind the clip. */
export function gateOf(params: Readonly<Record<string, number>>, place: number): (x: number) => number {
  const [kind = 0, a = 0, b = 0] = [params[`function${place}`], params[`a${place}`], params[`b${place}`]];
  return (x) => gateFunction(clipGate(x, params["clip"] ?? 0), kind, a, b);
}

/** For references: calls back for each unit with its places. */
export function forEachUnit(
  params: Readonly<Record<string, number>>,
  lengths: Int32Array,
  visit: (unit: { entry: number; j: number; at: number; x: number; y: number; valid: boolean }) => void,
): void {
  const { batch = 0, hidden = 0, step = 0, steps = 0, x_at = 0, x_time = 0, x_batch = 0 } = params;
  const { y_at = 0, y_time = 0, y_batch = 0 } = params;
  for (let entry = 0; entry < batch; entry++) {
    const length = params["has_lengths"] ? (lengths[entry] ?? 0) : steps;
    const valid = step < length;
    const time = valid && params["reverse"] ? length - 1 - step : step;
    for (let j = 0; j < hidden; j++) {
      const x = x_at + time * x_time + entry * x_batch + j;
      visit({ entry, j, at: entry * hidden + j, x, y: y_at + time * y_time + entry * y_batch + j, valid });
    }
  }
}
