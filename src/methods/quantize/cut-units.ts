// Work units of groups that are cut (cut-groups.ts): the chunks are read once to fold the groups' ranges, once more for
// each round of a scale search, and once to be encoded under the scales found. What passes from unit to unit stays on
// the device, a few words per group. All that is folded is exact (minima, maxima, integer sums), so the bytes are those
// of groups encoded whole.
import { UnsupportedError } from "../../base/errors.ts";
import type { DeviceProfile } from "../../base/profile.ts";
import { elementsOf, type Geometry } from "../../kernels/quantize/geometry.ts";
import type { Kept, WorkUnit } from "../../plan/types.ts";
import { affineErrorSteps, affineGivenSteps, affineOf, namesOf, rangePiece, scaleStep } from "./affine-steps.ts";
import type { Chunk } from "./chunks.ts";
import type { GroupCut } from "./cut-groups.ts";
import type { EncodeRequest } from "./encoding.ts";
import { joined, type StepsPiece } from "./group-steps.ts";
import type { PackedWeight } from "./packed.ts";
import { wideSearch, type WideSearch } from "./search-steps.ts";
import { deliveries, namesOfUnit, sourcePiece, type QuantizeUnits, type UnitResult } from "./units.ts";

/** Elements of a group from which the slack of the error searches would pass 32 bits. */
const searchedElements = 2 ** 29;

/** How often the elements of cut groups are read. */
export const readsOfCut = (packed: PackedWeight, cut: GroupCut): number => 2 + searchOf(packed, cut).rounds.length;

/**
 * Units of groups that are cut.
 * @throws UnsupportedError for an mse or hqq search over groups of 2^29 elements or more
 */
export function cutUnits(profile: DeviceProfile, packed: PackedWeight, cut: GroupCut): QuantizeUnits {
  const search = searchOf(packed, cut);
  const ranged = rangeUnits(profile, packed, cut);
  const searched = search.rounds.flatMap((_, round) => searchUnits(profile, packed, cut, search, round));
  const encoded = cut.chunks.map((chunk, index) => encodeUnit(profile, packed, cut, search, chunk, index === 0));
  return {
    units: [...ranged, ...searched, ...encoded.map(({ unit }) => unit)],
    results: encoded.map(({ result }) => result),
  };
}

/** What the groups of a cut ask for, by a part of them or whole. */
function requestOf(packed: PackedWeight, { geometry }: { readonly geometry: Geometry }, source: string): EncodeRequest {
  const { encoding, layout, search, scaleType } = packed;
  return { encoding, geometry, layout, search, scaleType, source, prefix: "q." };
}

function searchOf(packed: PackedWeight, { geometry }: GroupCut): WideSearch {
  const request = requestOf(packed, { geometry }, "source");
  const { search, source } = packed;
  const isByError = search.kind === "mse" || search.kind === "hqq";
  if (isByError && elementsOf(geometry) / geometry.channels >= searchedElements) {
    throw new UnsupportedError(`"${source}": the ${search.kind} search takes groups of fewer than 2^29 elements.`, {
      hint: "Take the absmax or the percentile search, whose groups may be of any size, or scales per channel or block.",
      details: { tensor: source, search: search.kind },
    });
  }
  const { scales, zeros } = namesOf(request);
  return wideSearch({ ...request, encoding: affineOf(request), geometry, scales, zeroPoints: zeros });
}

const keptName = ({ id }: PackedWeight, { index }: GroupCut, what: string): string => `${id}@${index} ${what}`;

/** Two ranges per group, one behind the other: that of the chunks before the last one, and the last one's. */
const rangeBytes = ({ geometry }: GroupCut): number => geometry.channels * 8;

/** Folds the two kept ranges of each group into one. */
function foldKept(
  profile: DeviceProfile,
  packed: PackedWeight,
  cut: GroupCut,
): { readonly piece: Partial<StepsPiece>; readonly ranges: string; readonly uses: readonly Kept[] } {
  const bytes = 2 * rangeBytes(cut);
  // A pair of (lowest, highest) holds its own range: as elements the two pairs have the range of all.
  const geometry = { kind: "wide", outer: 2, channels: cut.geometry.channels, inner: 2 } as const;
  const folded = rangePiece(profile, { geometry, layout: "natural", source: "kept.pairs", prefix: "kept." });
  return {
    piece: joined({ buffers: { "kept.pairs": bytes } }, folded.piece),
    ranges: folded.ranges,
    uses: [{ buffer: "kept.pairs", kept: keptName(packed, cut, "ranges"), offset: 0, bytes }],
  };
}

/** One unit a chunk, which adds the chunk's range to what is kept. */
function rangeUnits(profile: DeviceProfile, packed: PackedWeight, cut: GroupCut): WorkUnit[] {
  const bytes = rangeBytes(cut);
  const kept = keptName(packed, cut, "ranges");
  return cut.chunks.map((chunk, index): WorkUnit => {
    const { piece, source } = sourcePiece(profile, packed, chunk);
    const own = rangePiece(profile, requestOf(packed, chunk, source));
    const before = index > 0 ? foldKept(profile, packed, cut) : undefined;
    return {
      ...unitNames(packed, chunk, "range"),
      ...joined(piece, own.piece, before?.piece ?? {}),
      downloads: [],
      ...(before ? { uses: before.uses } : {}),
      keeps: [
        { buffer: before?.ranges ?? own.ranges, kept, offset: 0, bytes },
        { buffer: own.ranges, kept, offset: bytes, bytes },
      ],
    };
  });
}

/** Scales and zero points of the groups, from their kept ranges. */
function scalesPiece(profile: DeviceProfile, packed: PackedWeight, cut: GroupCut) {
  const { piece, ranges, uses } = foldKept(profile, packed, cut);
  const request = requestOf(packed, cut, "source");
  return { piece: joined(piece, { steps: [scaleStep(profile, request, ranges)] }), uses };
}

/** The buffers of scales and zero points, and where they are kept. */
function keptScales(packed: PackedWeight, cut: GroupCut): readonly Kept[] {
  const { scales, zeros } = namesOf(requestOf(packed, cut, "source"));
  const bytes = cut.geometry.channels * 4;
  return [scales, zeros].map((buffer) => ({ buffer, kept: keptName(packed, cut, buffer), offset: 0, bytes }));
}

/** One unit a chunk, which adds the chunk to the sums of a round; the first opens the search, the last closes the round. */
function searchUnits(
  profile: DeviceProfile,
  packed: PackedWeight,
  cut: GroupCut,
  search: WideSearch,
  round: number,
): WorkUnit[] {
  const { over, close } = search.rounds[round] ?? { over: undefined, close: [] };
  const state = Object.entries(search.state).map(([buffer, bytes]): Kept => {
    return { buffer, kept: keptName(packed, cut, buffer), offset: 0, bytes };
  });
  const keeps = [...keptScales(packed, cut), ...state];
  const buffers = Object.fromEntries(keeps.map(({ buffer, bytes }) => [buffer, bytes]));
  return cut.chunks.map((chunk, index): WorkUnit => {
    const { piece } = sourcePiece(profile, packed, chunk);
    const isLast = index === cut.chunks.length - 1;
    const opening = round === 0 && index === 0 ? scalesPiece(profile, packed, cut) : undefined;
    const { geometry } = chunk;
    const steps = [
      ...(opening ? search.opening : []),
      ...(over && geometry.kind === "wide" ? [over(geometry)] : []),
      ...(isLast ? close : []),
    ];
    return {
      ...unitNames(packed, chunk, `search ${round + 1}`),
      ...joined(piece, { buffers }, search.tables, opening?.piece ?? {}, { steps }),
      downloads: [],
      uses: opening?.uses ?? keeps,
      keeps,
    };
  });
}

/** Encodes a chunk and measures what it lost; the first delivers the groups' scales and zero points too. */
function encodeUnit(
  profile: DeviceProfile,
  packed: PackedWeight,
  cut: GroupCut,
  search: WideSearch,
  chunk: Chunk,
  isFirst: boolean,
): { unit: WorkUnit; result: UnitResult } {
  const { piece, source } = sourcePiece(profile, packed, chunk);
  const request = requestOf(packed, chunk, source);
  const isSearched = search.rounds.length > 0;
  const scaled = isSearched ? { piece: {}, uses: keptScales(packed, cut) } : scalesPiece(profile, packed, cut);
  const encoded = affineGivenSteps(profile, request);
  const errors = affineErrorSteps(request, encoded);
  const { id, label } = namesOfUnit(packed, chunk);
  const names = isFirst ? (["codes", "scales", "zeroPoints"] as const) : (["codes"] as const);
  const { downloads, result } = deliveries(id, packed, chunk, encoded, errors, names);
  return {
    unit: { id, label, ...joined(piece, scaled.piece, encoded, errors), downloads, uses: scaled.uses },
    result,
  };
}

function unitNames(packed: PackedWeight, chunk: Chunk, pass: string): Pick<WorkUnit, "id" | "label"> {
  const { id, label } = namesOfUnit(packed, chunk);
  return { id: `${id} ${pass}`, label: `${label}, ${pass}` };
}
