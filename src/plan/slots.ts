// Interval colouring: gives each lifetime a whole buffer, reusing those whose tenant is gone.
//
// WebGPU forbids one buffer as input and output of a dispatch even on disjoint ranges, so slots are whole
// buffers. Sizes rarely match, and a slot can't be split; so a tenant may be smaller than its slot, and
// slots may be destroyed on the way. Why the cap holds: a slot is reused only if, at every position of the
// tenant's life, all that lives then plus all unused bytes of occupied slots stays below the cap. So with
// every free slot destroyed there is always room for the next one.
import { InternalError } from "../base/errors.ts";
import type { SlotSize } from "../base/slot.ts";
import { lowerBound } from "./lifetimes.ts";
import type { Lifetime } from "./lifetimes.ts";

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
  /** Last position of its latest tenant. */
  busyUntil: number;
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
  const held = [...live];
  let open: number[] = [];
  let existing = 0;
  const size = (id: number): number => slots[id]?.bytes ?? 0;
  const isFree = (id: number, at: number): boolean => (slots[id]?.busyUntil ?? at) < at;

  for (const [index, { resource, usage, bytes, start, end }] of lifetimes.entries()) {
    const span = held.slice(start, end + 1);
    const room = capBytes - span.reduce((most, at) => Math.max(most, at), 0);
    if (room < 0) throw new InternalError("A memory plan was asked for less than its lower bound.");
    let best: number | undefined;
    for (const id of open) {
      const fits = slots[id]?.usage === usage && isFree(id, start) && size(id) >= bytes && size(id) - bytes <= room;
      if (fits && (best === undefined || size(id) < size(best))) best = id;
    }
    if (best === undefined) {
      if (existing + bytes > capBytes) {
        const idle = open
          .filter((id) => isFree(id, start))
          .map((id) => ({ id, next: nextUse(slots[id], lifetimes, index) }))
          .toSorted((a, b) => b.next - a.next || size(b.id) - size(a.id));
        for (const { id } of idle) {
          if (existing + bytes <= capBytes) break;
          const slot = slots[id];
          if (slot) slot.destroy = start;
          existing -= size(id);
          open = open.filter((other) => other !== id);
        }
      }
      best = slots.push({ usage, bytes, create: start, destroy: live.length, busyUntil: end }) - 1;
      open.push(best);
      existing += bytes;
    }
    const slot = slots[best];
    if (slot) slot.busyUntil = end;
    const unused = size(best) - bytes;
    if (unused > 0) for (const [at, sum] of span.entries()) held[start + at] = sum + unused;
    slotOf.set(resource, best);
  }
  return {
    slots: slots.map(({ usage, bytes, create, destroy }) => ({ usage, bytes, create, destroy })),
    slotOf,
    peakBytes: peakOf(slots, live.length),
  };
}

/** Where a free slot could next be used; the slot that waits longest is the one to give up. */
function nextUse(slot: SlotSize | undefined, lifetimes: readonly Lifetime[], from: number): number {
  const found = lifetimes
    .slice(from + 1, from + 1 + lookahead)
    .find(({ usage, bytes }) => slot?.usage === usage && bytes <= slot.bytes);
  return found?.start ?? Number.POSITIVE_INFINITY;
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
