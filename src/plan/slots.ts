// Interval colouring: gives each lifetime a whole buffer, reusing those whose tenant is gone.
//
// WebGPU forbids one buffer as input and output of a dispatch even on disjoint ranges, so slots are whole
// buffers. Sizes rarely match, and a slot can't be split; so a tenant may be smaller than its slot, and
// slots may be destroyed on the way. Why the cap holds: a slot is reused only if, at every position of the
// tenant's life, all that lives then plus all unused bytes of occupied slots stays below the cap. So with
// every free slot destroyed there is always room for the next one.
import { InternalError } from "../base/errors.ts";
import type { SlotSize, SlotUsage } from "../base/slot.ts";
import { lowerBound } from "./lifetimes.ts";
import type { Lifetime } from "./lifetimes.ts";
import { SpanSums } from "./span-sums.ts";

/** A slot exists from before position `create` until before position `destroy`. */
export interface ColouredSlot extends SlotSize {
  readonly create: number;
  readonly destroy: number;
}

export interface Colouring {
  readonly slots: readonly ColouredSlot[];
  /** Slot of each resource, by the resource's index; absent where it has no lifetime. */
  readonly slotOf: ReadonlyMap<number, number>;
  readonly peakBytes: number;
}

interface OpenSlot extends SlotSize {
  readonly create: number;
  destroy: number;
}

/** How many lifetimes ahead are searched for a slot's next use. */
const lookahead = 256;

/**
 * Colours lifetimes, given in order of start. No two lifetimes that overlap share a slot.
 * @param live live bytes at each position
 * @param capBytes most bytes that may exist at once; at least the largest of `live`
 */
export function colourSlots(lifetimes: readonly Lifetime[], live: readonly number[], capBytes: number): Colouring {
  const slots: OpenSlot[] = [];
  const slotOf = new Map<number, number>();
  // Live bytes plus unused bytes of occupied slots.
  const held = new SpanSums(live);
  const free = new FreeSlots();
  /** Slots by the last position of their tenants; those before `at` are free. */
  const endings = new Map<number, number[]>();
  let [at, existing] = [0, 0];

  for (const [index, { resource, usage, bytes, start, end }] of lifetimes.entries()) {
    for (; at < start; at++) {
      for (const id of endings.get(at) ?? []) free.add(id, slots[id]);
      endings.delete(at);
    }
    const room = capBytes - held.largest(start, end);
    if (room < 0) throw new InternalError("A memory plan was asked for less than its lower bound.");
    let id = free.take(usage, bytes, bytes + room);
    if (id === undefined) {
      if (existing + bytes > capBytes) {
        for (const idle of free.byNextUse(lifetimes.slice(index + 1, index + 1 + lookahead))) {
          if (existing + bytes <= capBytes) break;
          const slot = slots[idle];
          if (slot) slot.destroy = start;
          existing -= slot?.bytes ?? 0;
          free.drop(idle, slot);
        }
      }
      id = slots.push({ usage, bytes, create: start, destroy: live.length }) - 1;
      existing += bytes;
    }
    const unused = (slots[id]?.bytes ?? bytes) - bytes;
    if (unused > 0) held.add(start, end, unused);
    const ending = endings.get(end) ?? [];
    ending.push(id);
    endings.set(end, ending);
    slotOf.set(resource, id);
  }
  return { slots, slotOf, peakBytes: peakOf(slots, live.length) };
}

interface FreeSlot {
  readonly id: number;
  readonly bytes: number;
}

/** Slots without a tenant, by usage, the smallest first and of equal ones the oldest. */
class FreeSlots {
  readonly #byUsage = new Map<SlotUsage, FreeSlot[]>();

  add(id: number, slot: SlotSize | undefined): void {
    if (!slot) return;
    const own = this.#byUsage.get(slot.usage) ?? [];
    own.splice(placeOf(own, slot.bytes, id), 0, { id, bytes: slot.bytes });
    this.#byUsage.set(slot.usage, own);
  }

  /** Takes the smallest slot from `least` to `most` bytes. */
  take(usage: SlotUsage, least: number, most: number): number | undefined {
    const own = this.#byUsage.get(usage) ?? [];
    const place = placeOf(own, least, -1);
    const found = own[place];
    if (!found || found.bytes > most) return undefined;
    own.splice(place, 1);
    return found.id;
  }

  drop(id: number, slot: SlotSize | undefined): void {
    if (!slot) return;
    const own = this.#byUsage.get(slot.usage) ?? [];
    own.splice(placeOf(own, slot.bytes, id), 1);
  }

  /** All free slots, the one that waits longest for its next use first: it is the one to give up. */
  byNextUse(coming: readonly Lifetime[]): readonly number[] {
    const waiting: (FreeSlot & { readonly next: number })[] = [];
    for (const [usage, own] of this.#byUsage) {
      // A use takes all slots that are large enough and that no earlier, smaller use has taken.
      let untaken = own.length;
      const takes = (bytes: number, next: number): void => {
        const from = placeOf(own, bytes, -1);
        for (const { id, bytes: size } of own.slice(from, untaken)) waiting.push({ id, bytes: size, next });
        untaken = Math.min(untaken, from);
      };
      for (const { usage: wanted, bytes, start } of coming) if (wanted === usage) takes(bytes, start);
      takes(0, Number.POSITIVE_INFINITY);
    }
    return waiting
      .toSorted((a, b) => (a.next === b.next ? b.bytes - a.bytes || a.id - b.id : b.next - a.next))
      .map(({ id }) => id);
  }
}

/** Where a slot of these bytes and this id stands or would stand. */
function placeOf(slots: readonly FreeSlot[], bytes: number, id: number): number {
  let [low, high] = [0, slots.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const slot = slots[middle];
    if (slot && (slot.bytes < bytes || (slot.bytes === bytes && slot.id < id))) low = middle + 1;
    else high = middle;
  }
  return low;
}

function peakOf(slots: readonly OpenSlot[], positions: number): number {
  const existing = slots.map(({ usage, bytes, create, destroy }, resource) => ({
    resource,
    usage,
    bytes,
    start: create,
    end: destroy - 1,
  }));
  return lowerBound(existing, positions).bytes;
}
