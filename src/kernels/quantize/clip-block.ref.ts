// Reference of quantize/clip-block: sorts each block and takes the wanted ranks.
import type { KernelReference } from "../kernel.ts";
import { clipKey, clipRange } from "./clip-rule.ts";
import { words } from "./search-units.ts";
import { forEachElement, shapeOf } from "./shape.ts";

export const clipBlockReference: KernelReference = (params, [source, scales, ranges]) => {
  const { rank = 1, tail_rank: tailRank = 1, block = 1 } = params;
  const bothEnds = params["both_ends"] === 1;
  const keys: number[][] = [];
  forEachElement(shapeOf(params), (element, _position, group) => {
    (keys[group] ??= []).push(clipKey(words(source)[element] ?? 0, bothEnds));
  });
  for (const [group, members] of keys.entries()) {
    const sorted = members.toSorted((a, b) => a - b);
    const wanted = members.length === block ? rank : tailRank;
    const negative = (words(scales)[group] ?? 0) >= 2 ** 31;
    const range = clipRange(sorted[wanted - 1] ?? 0, sorted[sorted.length - wanted] ?? 0, bothEnds, negative);
    words(ranges).set(range, group * 2);
  }
};
