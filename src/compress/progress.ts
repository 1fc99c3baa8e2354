// How far a run is, phase by phase: each phase counts bytes of its own, from nothing to all.
import type { UnitResult } from "../methods/quantize/units.ts";
import type { RunProgress } from "../run/run-plan.ts";

export interface CompressionProgress extends RunProgress {
  /**
   * `pack`: weights are read, packed and written. `prove`: the written file is read again and decoded.
   * `hash`: input and output are read whole for their digests; for files in Node only.
   */
  readonly phase: "pack" | "prove" | "hash";
}

/** Reports each proved unit, by the bytes that were read back for it. */
export function proofProgress(
  results: readonly UnitResult[],
  report: (progress: CompressionProgress) => void,
): (result: UnitResult) => void {
  const bytesTotal = results.reduce((sum, result) => sum + writtenBytes(result), 0);
  let [done, bytesDone] = [0, 0];
  return (result) => {
    done += 1;
    bytesDone += writtenBytes(result);
    const { unit, packed } = result;
    report({ phase: "prove", unit, label: packed.source, done, total: results.length, bytesDone, bytesTotal });
  };
}

const writtenBytes = ({ chunk: { placements } }: UnitResult): number =>
  Object.values(placements).reduce((sum, place) => sum + (place ? place.rowBytes * place.rows : 0), 0);
