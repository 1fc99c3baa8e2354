// Runs a kernel room's case table under vitest: one test per case and variant. A variant that the
// device lacks features for is skipped, and named once per file; a driver that must have them fails.
import { afterAll, describe, expect, it } from "vitest";
import type { Feature, LanguageFeature } from "../../src/base/profile.ts";
import { testDevice } from "./gpu.ts";
import { canRun, runKernelCase, takesVariant } from "./kernel-harness.ts";
import type { KernelRoom } from "./kernel-harness.ts";

/** What a driver must offer, so that a broken set-up can't pass as a skip. */
const floors: Readonly<Record<string, readonly (Feature | LanguageFeature)[]>> = {
  llvmpipe: ["shader-f16", "subgroups", "timestamp-query", "packed_4x8_integer_dot_product"],
  swiftshader: ["subgroups", "timestamp-query", "packed_4x8_integer_dot_product"],
};

/** Declares the tests of a room. */
export function describeRoom(room: KernelRoom): void {
  const { spec, cases } = room;
  describe(`kernel ${spec.id}`, () => {
    const device = testDevice();
    const skipped = new Map<string, number>();
    afterAll(() => {
      for (const [name, count] of skipped) console.log(`${spec.id}: skipped ${count} cases of variant ${name}`);
    });
    for (const variant of spec.variants) {
      for (const kernelCase of cases.filter((each) => takesVariant(each, variant.name))) {
        it(`${variant.name}: ${kernelCase.name}`, async ({ skip }) => {
          const gpu = await device();
          if (!canRun(gpu, variant)) {
            const floor = floors[gpu.profile.adapterClass] ?? [];
            expect(variant.requires.filter((f) => !gpu.profile.features.includes(f) && floor.includes(f))).toEqual([]);
            skipped.set(variant.name, (skipped.get(variant.name) ?? 0) + 1);
            skip(`${gpu.profile.description} lacks ${variant.requires.join(", ")}`);
          }
          expect(await runKernelCase(gpu, room, kernelCase, variant.name)).toBeUndefined();
        });
      }
    }
  });
}
