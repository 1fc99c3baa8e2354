// The device of an app that keeps its own: a bare GPUDevice is wrapped once, so that its pipelines are
// compiled once however many quantizers an app makes. Never destroys a device.
import { GpuContext } from "../device/context.ts";
import { borrowDevice } from "../device/open.ts";

const borrowed = new WeakMap<GPUDevice, GpuContext>();

/** The context of a device, made at first sight. */
export function contextOf(gpu: GpuContext | GPUDevice): GpuContext {
  if (gpu instanceof GpuContext) return gpu;
  let context = borrowed.get(gpu);
  if (!context) borrowed.set(gpu, (context = borrowDevice(gpu, {})));
  return context;
}
