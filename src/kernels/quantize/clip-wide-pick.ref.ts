// Reference of quantize/clip-wide-pick: walks the counts until they hold the wanted rank.
import type { KernelReference } from "../kernel.ts";
import { clipCountWords, clipRange, clipStateWords } from "./clip-rule.ts";
import { words } from "./search-units.ts";

export const clipWidePickReference: KernelReference = (params, [scales, state, counts, ranges]) => {
  const { groups = 0, count = 0, rank = 1, shift = 0 } = params;
  const bothEnds = params["both_ends"] === 1;
  const [view, tally] = [words(state), words(counts)];
  for (let group = 0; group < groups; group++) {
    const at = group * clipStateWords;
    if (shift === 32) view.set([0, rank, 0, count + 1 - rank], at);
    for (const end of shift === 32 ? [] : bothEnds ? [0, 1] : [0]) {
      const first = group * clipCountWords + 16 * end;
      let left = view[at + 2 * end + 1] ?? 0;
      let digit = 0;
      while (digit < 15 && (tally[first + digit] ?? 0) < left) left -= tally[first + digit++] ?? 0;
      view[at + 2 * end] = (view[at + 2 * end] ?? 0) + digit * 2 ** shift;
      view[at + 2 * end + 1] = left;
    }
    tally.fill(0, group * clipCountWords, (group + 1) * clipCountWords);
    if (shift !== 0) continue;
    const negative = (words(scales)[group] ?? 0) >= 2 ** 31;
    words(ranges).set(clipRange(view[at] ?? 0, view[at + 2] ?? 0, bothEnds, negative), group * 2);
  }
};
