// Reference of util/transpose.
import type { KernelReference } from "../kernel.ts";

export const transposeReference: KernelReference = ({ rows = 0, cols = 0 }, [source, target]) => {
  if (!source || !target) return;
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < cols; c++) {
      for (let byte = 0; byte < 4; byte++) target[(c * rows + r) * 4 + byte] = source[(r * cols + c) * 4 + byte] ?? 0;
    }
  }
};
