// Which format each layer gets: least damage within a byte budget, or fewest bytes within a damage allowed.
// Damages of layers are taken to add up; whether they do, only a run of the whole model tells.
import { UsageError } from "../../base/errors.ts";
import { leastLoad, pickExactly, pickRelaxed, type Option } from "./knapsack.ts";

/** What one layer costs in one format. */
export interface FormatCost {
  readonly format: string;
  readonly bytes: number;
  /** What quantizing this layer alone does to the model, in any unit that adds up: squared error, KL, loss. */
  readonly damage: number;
}

export interface LayerCosts {
  readonly layer: string;
  readonly formats: readonly FormatCost[];
}

export interface Allocation {
  /** In the order of the layers given. */
  readonly layers: readonly ({ readonly layer: string } & FormatCost)[];
  readonly bytes: number;
  readonly damage: number;
  /** How it was found. */
  readonly method: "exact" | "lagrangian";
  /** What was minimised is at most this far above the best possible; 0 when exact. */
  readonly gap: number;
}

export interface AllocationOptions {
  /** Partial sums that the exact search may make before the Lagrangian one takes over. Default 500,000. */
  readonly maxStates?: number;
}

/**
 * The formats of least summed damage whose bytes stay within a budget.
 * @throws UsageError where the smallest formats exceed the budget, a layer has no format, or a number is not finite
 * @example allocateWithinBytes([{ layer: "w", formats: [{ format: "int4", bytes: 50, damage: 0.2 }] }], 64)
 */
export function allocateWithinBytes(
  layers: readonly LayerCosts[],
  maxBytes: number,
  options: AllocationOptions = {},
): Allocation {
  return allocate(layers, maxBytes, "bytes", "damage", options);
}

/**
 * The formats of fewest bytes whose summed damage stays within a limit.
 * @throws UsageError as `allocateWithinBytes`
 */
export function allocateWithinDamage(
  layers: readonly LayerCosts[],
  maxDamage: number,
  options: AllocationOptions = {},
): Allocation {
  return allocate(layers, maxDamage, "damage", "bytes", options);
}

type Measure = "bytes" | "damage";

function allocate(
  layers: readonly LayerCosts[],
  limit: number,
  limited: Measure,
  minimised: Measure,
  { maxStates = 500_000 }: AllocationOptions,
): Allocation {
  check(layers, limit, limited);
  const items = layers.map(({ formats }) =>
    formats.map((each): Option => ({ load: each[limited], cost: each[minimised] })),
  );
  const exactly = pickExactly(items, limit, maxStates);
  const picked = exactly === "too many" ? pickRelaxed(items, limit) : exactly;
  if (!picked) {
    const least = leastLoad(items);
    throw new UsageError(`No choice of formats stays within ${limit} ${limited}: the least is ${least}.`, {
      hint: limited === "bytes" ? "Allow more bytes, or offer smaller formats." : "Allow more, or offer wider formats.",
      details: { limit, least },
    });
  }
  const chosen = layers.flatMap(({ layer, formats }, i) => {
    const format = formats[picked.picks[i] ?? 0];
    return format ? [{ layer, ...format }] : [];
  });
  const total = (measure: Measure): number => chosen.reduce((sum, each) => sum + each[measure], 0);
  return {
    layers: chosen,
    bytes: total("bytes"),
    damage: total("damage"),
    method: picked.exact ? "exact" : "lagrangian",
    gap: picked.exact ? 0 : Math.max(0, total(minimised) - picked.bound),
  };
}

function check(layers: readonly LayerCosts[], limit: number, limited: Measure): void {
  if (Number.isNaN(limit)) throw new UsageError(`The limit of ${limited} is no number.`);
  for (const { layer, formats } of layers) {
    if (formats.length === 0) throw new UsageError(`Layer "${layer}" has no format to choose.`, { details: { layer } });
    const bad = formats.find(({ bytes, damage }) => !Number.isFinite(bytes) || bytes < 0 || !Number.isFinite(damage));
    if (!bad) continue;
    throw new UsageError(`Layer "${layer}" in ${bad.format} has ${bad.bytes} bytes and damage ${bad.damage}.`, {
      hint: "Leave out formats whose damage could not be measured.",
      details: { layer, format: bad.format },
    });
  }
}
