// Reference of util/copy-words: the first `count` words of the output are those of the input.
import type { KernelReference } from "../kernel.ts";

export const copyWordsReference: KernelReference = ({ count = 0 }, [source, target]) => {
  for (let at = 0; at < count * 4; at++) {
    if (source && target) target[at] = source[at] ?? 0;
  }
};
