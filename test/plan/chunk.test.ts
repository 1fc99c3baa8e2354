// Chunks of rows: what is promised to fit does fit, checked by planning it.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OutOfMemoryError } from "../../src/base/errors.ts";
import { chunkRows } from "../../src/plan/chunk.ts";
import { planUnits } from "../../src/plan/plan-units.ts";
import { copyUnit, testProfile } from "../support/plan-units.ts";

const MiB = 2 ** 20;
const profile = testProfile();
const copyCost = (rowBytes: number) => ({
  uploadBytes: rowBytes,
  storageBytes: rowBytes * 2,
  downloadBytes: rowBytes,
  largestBufferBytes: rowBytes,
});

const tooSmall = () => chunkRows(4096, copyCost(4096), profile, { alignment: 32, memoryBudget: 65536, label: "w" });

describe("chunkRows", () => {
  it("leaves a tensor whole where it fits", () => {
    expect(chunkRows(100, copyCost(4096), profile)).toBe(100);
  });

  it("makes nearly equal chunks of the target size", () => {
    expect(chunkRows(1000, copyCost(MiB), profile, { targetUploadBytes: 64 * MiB })).toBe(63);
  });

  it("keeps to one binding", () => {
    const { limits } = profile;
    const small = testProfile({ limits: { ...limits, maxStorageBufferBindingSize: MiB } });
    const rows = chunkRows(4096, copyCost(4096), small, { alignment: 32 });
    expect(rows % 32).toBe(0);
    expect(rows * 4096).toBeLessThanOrEqual(MiB);
    expect(rows).toBeGreaterThan(128);
  });

  it("names needed and available bytes where not even the alignment fits", () => {
    expect(tooSmall).toThrow(OutOfMemoryError);
    expect(tooSmall).toThrow(/^w needs .* for 32 rows/);
  });

  it("gives chunks that the planner can overlap within the budget", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 400 }),
        fc.constantFrom(1, 2, 32),
        fc.integer({ min: 10, max: 24 }),
        (rows, rowWords, alignment, log) => {
          const memoryBudget = 2 ** log;
          const rowBytes = rowWords * 16;
          let size: number;
          try {
            size = chunkRows(rows, copyCost(rowBytes), profile, { alignment, memoryBudget });
          } catch (error) {
            expect(error).toBeInstanceOf(OutOfMemoryError);
            return;
          }
          expect(size).toBeGreaterThan(0);
          expect(size === rows || size % alignment === 0).toBe(true);
          const counts = Array.from({ length: Math.ceil(rows / size) }, (_, i) => Math.min(size, rows - i * size));
          const units = counts.map((count, index) => copyUnit(`w/${index}`, count * rowBytes));
          expect(planUnits(units, profile, { memoryBudget }).warnings).toEqual([]);
        },
      ),
    );
  });
});
