// What plans of every format share: source keys, and the device's schedule under a budget. Each weight is cut into
// chunks of its own size: as large as the budget lets run overlapped, smaller only where that weight needs it.
import { OutOfMemoryError, UnsupportedError } from "../base/errors.ts";
import type { DeviceProfile } from "../base/profile.ts";
import { formatBytes } from "../base/size.ts";
import type { OnnxTensor } from "../formats/onnx/ir.ts";
import { chunksOf } from "../methods/quantize/chunks.ts";
import { cutGroups } from "../methods/quantize/cut-groups.ts";
import { cutUnits, readsOfCut } from "../methods/quantize/cut-units.ts";
import type { PackedWeight } from "../methods/quantize/packed.ts";
import { quantizeUnits, type QuantizeUnits, type UnitResult } from "../methods/quantize/units.ts";
import { fitsDevice, planUnits } from "../plan/plan-units.ts";
import type { Plan } from "../plan/types.ts";

const largestChunkElements = 8 * 2 ** 20;
const smallestChunkElements = 2 ** 10;
/** Chunks are not made smaller than this to let reading, computing and writing overlap in a small budget. */
const smallestOverlapped = 16 * 2 ** 10;
/** Bytes that overlapped chunks take for each of their elements, at most: staging twice, f32 copies, codes. */
const bytesPerElement = 32;
/** Codes that one dispatch can count. */
const dispatchElements = 2 ** 29;
/** Weights named in a warning. */
const namedWeights = 3;

/** Notes a constant under a key of its own. */
export function register(sources: Map<string, OnnxTensor>, wanted: string, tensor: OnnxTensor): string {
  let key = wanted;
  for (let n = 1; sources.has(key) && sources.get(key) !== tensor; n++) key = `${wanted}#${n}`;
  sources.set(key, tensor);
  return key;
}

/**
 * Units and plan under the profile's budget.
 * @throws OutOfMemoryError for a weight that no way of cutting fits, with details unit, neededBytes, availableBytes;
 *   UnsupportedError for a search that can't be cut
 */
export function schedule(
  profile: DeviceProfile,
  packed: readonly PackedWeight[],
): { plan: Plan; results: readonly UnitResult[] } {
  const made = packed.map((weight) => unitsOf(profile, weight));
  const plan = planUnits(
    made.flatMap(({ units }) => units),
    profile,
  );
  const warnings = [...plan.warnings, ...readWarnings(packed, made)];
  return { plan: { ...plan, warnings }, results: made.flatMap(({ results }) => results) };
}

interface WeightUnits extends QuantizeUnits {
  /** How often the weight is read: more than once where its groups are cut. */
  readonly reads: number;
}

/** A weight's units in the largest chunks that fit: with whole groups, and where one alone is too large, cut ones. */
function unitsOf(profile: DeviceProfile, weight: PackedWeight): WeightUnits {
  const { limits, memoryBudget = Infinity } = profile;
  const binding = Math.floor(Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize) / 4);
  const overlapped = Math.max(Math.floor(memoryBudget / bytesPerElement), smallestOverlapped);
  let whole: WeightUnits | undefined;
  for (let elements = Math.min(largestChunkElements, binding, overlapped); ; elements = Math.floor(elements / 2)) {
    const chunks = chunksOf(weight, elements);
    const largest = chunks.reduce((most, chunk) => Math.max(most, chunk.elements), 0);
    if (largest <= binding && largest < dispatchElements) {
      whole = bindable(() => ({ ...quantizeUnits(profile, weight, chunks), reads: 1 }));
      if (whole && fitsDevice(whole.units, profile)) return whole;
    }
    const cut = largest > elements ? bindable(() => cutWeight(profile, weight, elements)) : undefined;
    if (cut && fitsDevice(cut.units, profile)) return cut;
    if (elements > smallestChunkElements) continue;
    if (whole) return whole; // The planner says how much it needs.
    throw tooLarge(profile, weight, largest);
  }
}

function cutWeight(profile: DeviceProfile, weight: PackedWeight, elements: number): WeightUnits | undefined {
  // Given codes of a cut group would be chosen again.
  const cuts = weight.given ? undefined : cutGroups(weight, elements);
  if (!cuts) return undefined;
  const made = cuts.map((cut) => cutUnits(profile, weight, cut));
  return {
    units: made.flatMap(({ units }) => units),
    results: made.flatMap(({ results }) => results),
    reads: Math.max(...cuts.map((cut) => readsOfCut(weight, cut))),
  };
}

/** Undefined for units with a buffer that can't be bound: smaller chunks may do. */
function bindable<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof UnsupportedError && error.details["limit"] !== undefined) return undefined;
    throw error;
  }
}

function tooLarge({ limits }: DeviceProfile, { source }: PackedWeight, elements: number): OutOfMemoryError {
  const [neededBytes, availableBytes] = [elements * 4, limits.maxStorageBufferBindingSize];
  return new OutOfMemoryError(
    `"${source}" can't be cut below ${formatBytes(neededBytes)}; this device binds ${formatBytes(availableBytes)}.`,
    {
      hint: "Leave this weight float with a rule, give it another format or granularity, or use another adapter.",
      details: { unit: source, limit: "maxStorageBufferBindingSize", neededBytes, availableBytes },
    },
  );
}

/** Names the weights that are read more than once. */
function readWarnings(packed: readonly PackedWeight[], made: readonly WeightUnits[]): readonly string[] {
  const byReads = new Map<number, string[]>();
  for (const [index, { reads }] of made.entries()) {
    if (reads > 1) byReads.set(reads, [...(byReads.get(reads) ?? []), packed[index]?.source ?? ""]);
  }
  return [...byReads].map(([reads, names]) => {
    const shown = names.slice(0, namedWeights).map((name) => `"${name}"`);
    const rest = names.length > shown.length ? ` and ${names.length - shown.length} more` : "";
    const are = names.length > 1 ? "are" : "is";
    return `${shown.join(", ")}${rest} ${are} read ${reads} times: one scale spans more than fits the device's memory at once.`;
  });
}

/** Bytes of all parts. */
export const partBytes = (parts: PackedWeight["parts"]): number =>
  parts.codes.bytes + (parts.scales?.bytes ?? 0) + (parts.zeroPoints?.bytes ?? 0);
