// The device of a test file: one for all its tests, on the adapter that WGSLIM_ADAPTER names, replaced
// when it gets lost, closed at the end.
import { afterAll } from "vitest";
import type { GpuContext } from "../../src/device/context.ts";
import { openDevice } from "../../src/device/node.ts";

/**
 * Declares that a test file needs a device. Call it at the top of the file or of a describe block, and
 * the result inside tests: it opens the device at first use.
 *
 * @example const device = testDevice(); it("...", async () => { const gpu = await device(); });
 */
export function testDevice(): () => Promise<GpuContext> {
  let current: GpuContext | undefined;
  afterAll(() => current?.dispose());
  return async () => {
    if (current?.isLost || current?.isDisposed) current = undefined;
    return (current ??= await openDevice());
  };
}
