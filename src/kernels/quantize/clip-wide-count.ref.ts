// Reference of quantize/clip-wide-count: a histogram of the next 4 bits of the keys that start as asked.
import type { KernelReference } from "../kernel.ts";
import { clipCountWords, clipKey, clipStateWords } from "./clip-rule.ts";
import { words } from "./search-units.ts";
import { forEachElement, shapeOf } from "./shape.ts";

export const clipWideCountReference: KernelReference = (params, [source, state, counts]) => {
  const { shift = 0 } = params;
  const bothEnds = params["both_ends"] === 1;
  const span = 2 ** (shift + 4);
  const [starts, tally] = [words(state), words(counts)];
  forEachElement(shapeOf(params), (element, _position, group) => {
    const key = clipKey(words(source)[element] ?? 0, bothEnds);
    const digit = Math.floor(key / 2 ** shift) % 16;
    for (const end of bothEnds ? [0, 1] : [0]) {
      if (key - (key % span) !== starts[group * clipStateWords + 2 * end]) continue;
      const at = group * clipCountWords + 16 * end + digit;
      tally[at] = (tally[at] ?? 0) + 1;
    }
  });
};
