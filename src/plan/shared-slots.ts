// Slots that last: for passes that run again and again, where making and freeing buffers on the way would cost more
// than the memory it saves. Largest first, into the tightest slot whose tenants are gone or not yet there (the
// "greedy by size" of Pisarchyk and Lee, Efficient Memory Management for Deep Neural Net Inference, 2020).
import type { SlotSize } from "../base/slot.ts";
import type { Lifetime } from "./lifetimes.ts";

export interface SharedSlots {
  readonly slots: readonly SlotSize[];
  /** Slot of each resource, by the resource's index. */
  readonly slotOf: ReadonlyMap<number, number>;
}

interface OpenSlot extends SlotSize {
  readonly tenants: Lifetime[];
}

/** No two lifetimes that overlap share a slot; no slot is larger than its largest tenant. */
export function shareSlots(lifetimes: readonly Lifetime[]): SharedSlots {
  const slots: OpenSlot[] = [];
  const slotOf = new Map<number, number>();
  const bySize = lifetimes.toSorted((a, b) => b.bytes - a.bytes || a.start - b.start);
  for (const lifetime of bySize) {
    const { usage, bytes, start, end, resource } = lifetime;
    let best: number | undefined;
    for (const [id, slot] of slots.entries()) {
      const free = slot.usage === usage && slot.tenants.every((tenant) => tenant.end < start || tenant.start > end);
      if (free && (best === undefined || slot.bytes < (slots[best]?.bytes ?? 0))) best = id;
    }
    best ??= slots.push({ usage, bytes, tenants: [] }) - 1;
    slots[best]?.tenants.push(lifetime);
    slotOf.set(resource, best);
  }
  return { slots: slots.map(({ usage, bytes }) => ({ usage, bytes })), slotOf };
}
