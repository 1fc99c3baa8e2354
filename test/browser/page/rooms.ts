// Runs kernel rooms on the browser's device; used by the page and by its worker alike.
import { openDevice } from "../../../src/device/open.ts";
import { runKernelCase, canRun, type KernelRoom } from "../../support/kernel-harness.ts";

export interface RoomResult {
  readonly id: string;
  readonly cases: number;
  readonly skippedVariants: readonly string[];
  readonly failures: readonly string[];
}

const modules = import.meta.glob<{ room: KernelRoom }>("../../kernels/**/*.cases.ts");

/** Every room whose id holds `filter`; a smoke run takes the first cases only. */
export async function runRooms(filter: string, mostCases: number): Promise<{ adapter: string; results: RoomResult[] }> {
  const gpu = await openDevice();
  try {
    const results: RoomResult[] = [];
    for (const [path, load] of Object.entries(modules)) {
      if (!path.includes(filter)) continue;
      const { room } = await load();
      const failures: string[] = [];
      const cases = room.cases.slice(0, mostCases);
      for (const kernelCase of cases) {
        const failure = await runKernelCase(gpu, room, kernelCase);
        if (failure) failures.push(failure);
      }
      const skippedVariants = room.spec.variants.filter((variant) => !canRun(gpu, variant)).map(({ name }) => name);
      results.push({ id: room.spec.id, cases: cases.length, skippedVariants, failures });
    }
    return { adapter: gpu.profile.description || gpu.profile.adapterClass, results };
  } finally {
    gpu.dispose();
  }
}
