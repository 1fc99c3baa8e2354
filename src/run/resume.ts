// What a run that resumes must know of its plan: which bytes a unit was made from, and which operations are left.
// A unit may use what earlier units keep on the device. So the bytes that those read are its sources too, and they
// run again, though delivered, as long as anybody still needs what they keep.
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import type { Plan, PlanOp, ReadRef } from "../plan/types.ts";

/** Tells by digests whether a unit would be made from the same bytes again. */
export class UnitSources {
  readonly #plan: Plan;
  readonly #digest: (ref: ReadRef) => Promise<string>;
  /** Of units that keep something, since all who use it ask. */
  readonly #known = new Map<number, string>();
  /** By kept buffer: over the sources of its first keeper, of its first two, and so on. */
  readonly #folded = new Map<string, string[]>();
  #reads: ReadonlyMap<number, readonly ReadRef[]> | undefined;
  #keepers: ReadonlyMap<string, readonly number[]> | undefined;

  /** @param digest of the bytes behind a read; empty where nobody makes any */
  constructor(plan: Plan, digest: (ref: ReadRef) => Promise<string>) {
    this.#plan = plan;
    this.#digest = digest;
  }

  /** Digests of all that a unit reads, and of what went into all that it uses. */
  async of(index: number): Promise<string> {
    this.#reads ??= readsByUnit(this.#plan);
    this.#keepers ??= keepersByName(this.#plan);
    const digests: string[] = [];
    for (const ref of this.#reads.get(index) ?? []) digests.push(await this.#digest(ref));
    const { uses = [], keeps } = this.#plan.units[index] ?? {};
    for (const name of uses) digests.push(await this.#before(name, index));
    const source = digests.join();
    if (keeps) this.#known.set(index, source);
    return source;
  }

  /** One digest over the sources of all units before `index` that keep under a name. */
  async #before(name: string, index: number): Promise<string> {
    const keepers = this.#keepers?.get(name) ?? [];
    const count = lowerIndex(keepers, index);
    const folded = this.#folded.get(name) ?? [];
    this.#folded.set(name, folded);
    for (let at = folded.length; at < count; at = folded.length) {
      const keeper = keepers[at] ?? 0;
      const source = this.#known.get(keeper) ?? (await this.of(keeper));
      folded.push(source === "" ? "" : bytesToHex(sha256(utf8ToBytes(`${folded[at - 1] ?? ""};${source}`))));
    }
    return folded[count - 1] ?? "";
  }
}

/** How many of ascending numbers are below a bound. */
function lowerIndex(ascending: readonly number[], bound: number): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ascending[middle] ?? bound) < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}

function readsByUnit({ batches }: Plan): ReadonlyMap<number, readonly ReadRef[]> {
  const reads = new Map<number, ReadRef[]>();
  for (const { unit, data } of batches.flatMap(({ uploads }) => uploads)) {
    if (data.kind !== "read") continue;
    const own = reads.get(unit) ?? [];
    own.push(data);
    reads.set(unit, own);
  }
  return reads;
}

/** The units that keep under a name, ascending. */
function keepersByName({ units }: Plan): ReadonlyMap<string, readonly number[]> {
  const keepers = new Map<string, number[]>();
  for (const [index, { keeps = [] }] of units.entries()) {
    for (const name of keeps) {
      const own = keepers.get(name) ?? [];
      own.push(index);
      keepers.set(name, own);
    }
  }
  return keepers;
}

/** A plan's operations without the batches that nobody needs any more, and without memory only they use. */
export function remainingOps(plan: Plan, delivered: ReadonlySet<number>): readonly PlanOp[] {
  if (delivered.size === 0) return plan.ops;
  const isLeft = batchesLeft(plan, delivered);
  const kept = plan.ops.filter((op) => !("batch" in op) || isLeft[op.batch] === true);
  const used = new Set(kept.flatMap(slotsOf));
  return kept.map((op): PlanOp => {
    if (!("slots" in op)) return op;
    return { kind: op.kind, slots: op.slots.filter((slot) => used.has(slot)) };
  });
}

/** Batches with a unit that is not delivered, and batches that keep what a batch left after them uses. */
function batchesLeft({ batches, units }: Plan, delivered: ReadonlySet<number>): readonly boolean[] {
  const wanted = new Set<string>();
  const isLeft = batches.map(() => false);
  for (const [batch, { units: members }] of [...batches.entries()].toReversed()) {
    const isNeeded = members.some(
      (unit) => !delivered.has(unit) || units[unit]?.keeps?.some((name) => wanted.has(name)),
    );
    if (!isNeeded) continue;
    isLeft[batch] = true;
    for (const name of members.flatMap((unit) => units[unit]?.uses ?? [])) wanted.add(name);
  }
  return isLeft;
}

function slotsOf(op: PlanOp): readonly number[] {
  if (op.kind === "create" || op.kind === "destroy") return [];
  if (op.kind === "fill") return [op.slot];
  if (op.kind === "take") return op.slot === undefined ? [] : [op.slot];
  return op.commands.flatMap((command) => {
    if (command.kind === "copy") return [command.from, command.to];
    if (command.kind === "clear") return [command.slot];
    return [command.params.slot, ...command.bindings.map(({ slot }) => slot)];
  });
}
