// Rough speed of each class of adapter, for cutting submits and telling the user how long. Not a benchmark:
// on hardware the lower end is assumed, since a submit that is too short costs little and one too long hurts.
import type { AdapterClass } from "../base/profile.ts";
import type { KernelCall } from "../kernels/kernel.ts";

interface Speed {
  readonly bytesPerSecond: number;
  readonly opsPerSecond: number;
  readonly secondsPerDispatch: number;
}

const speeds: Readonly<Record<AdapterClass, Speed>> = {
  hardware: { bytesPerSecond: 40e9, opsPerSecond: 400e9, secondsPerDispatch: 10e-6 },
  llvmpipe: { bytesPerSecond: 4e9, opsPerSecond: 5e9, secondsPerDispatch: 21e-6 },
  swiftshader: { bytesPerSecond: 2e9, opsPerSecond: 2e9, secondsPerDispatch: 30e-6 },
  software: { bytesPerSecond: 1e9, opsPerSecond: 1e9, secondsPerDispatch: 30e-6 },
  "gpu.js": { bytesPerSecond: 200e6, opsPerSecond: 200e6, secondsPerDispatch: 1e-3 },
  cpu: { bytesPerSecond: 200e6, opsPerSecond: 100e6, secondsPerDispatch: 10e-6 },
};

/** Estimated seconds of one call: the slower of moving its bytes and doing its operations. */
export function estimateSeconds({ cost }: Pick<KernelCall, "cost">, adapterClass: AdapterClass): number {
  const { bytesPerSecond, opsPerSecond, secondsPerDispatch } = speeds[adapterClass];
  return secondsPerDispatch + Math.max(cost.bytes / bytesPerSecond, cost.ops / opsPerSecond);
}
