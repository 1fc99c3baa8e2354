// What plans of every format share: source keys, and the device's schedule under a budget.
import { OutOfMemoryError } from "../base/errors.ts";
import type { DeviceProfile } from "../base/profile.ts";
import type { OnnxTensor } from "../formats/onnx/ir.ts";
import type { PackedWeight } from "../methods/quantize/packed.ts";
import { quantizeUnits, type UnitResult } from "../methods/quantize/units.ts";
import { planUnits } from "../plan/plan-units.ts";
import type { Plan } from "../plan/types.ts";

const largestChunkElements = 8 * 2 ** 20;
const smallestChunkElements = 16 * 2 ** 10;

/** Notes a constant under a key of its own. */
export function register(sources: Map<string, OnnxTensor>, wanted: string, tensor: OnnxTensor): string {
  let key = wanted;
  for (let n = 1; sources.has(key) && sources.get(key) !== tensor; n++) key = `${wanted}#${n}`;
  sources.set(key, tensor);
  return key;
}

/** Units and plan under the profile's budget: chunks are halved until the plan fits. */
export function schedule(
  profile: DeviceProfile,
  packed: readonly PackedWeight[],
): { plan: Plan; results: readonly UnitResult[] } {
  const binding = Math.floor(Math.min(profile.limits.maxStorageBufferBindingSize, profile.limits.maxBufferSize) / 4);
  const budget = profile.memoryBudget === undefined ? Infinity : Math.floor(profile.memoryBudget / 32);
  for (
    let elements = Math.min(largestChunkElements, binding, Math.max(budget, smallestChunkElements));
    ;
    elements = Math.floor(elements / 2)
  ) {
    try {
      const { units, results } = quantizeUnits(profile, packed, elements);
      return { plan: planUnits(units, profile), results };
    } catch (error) {
      if (!(error instanceof OutOfMemoryError) || elements <= smallestChunkElements) throw error;
    }
  }
}

/** Bytes of all parts. */
export const partBytes = (parts: PackedWeight["parts"]): number =>
  parts.codes.bytes + (parts.scales?.bytes ?? 0) + (parts.zeroPoints?.bytes ?? 0);
