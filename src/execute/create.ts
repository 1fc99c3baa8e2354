// Opens the executor; it and its kernels are loaded with the first model that is run.
import type { OnnxFile } from "../compress/models.ts";
import type { GpuContext } from "../device/context.ts";
import { WebGpuBackend } from "../run/webgpu-backend.ts";
import type { Executor, ExecutorOptions } from "./executor.ts";

/**
 * An executor for a model's graph on an open device. Dispose it before the device.
 * @throws IoError, FormatError, AbortedError
 * @example
 * const executor = await createExecutor(await openOnnx(source), gpu);
 * const { logits } = await executor.run({ image: { dims: [1, 3, 224, 224], data } });
 */
export async function createExecutor(
  model: OnnxFile,
  gpu: GpuContext,
  options: ExecutorOptions = {},
): Promise<Executor> {
  const [{ Executor: Loaded }, { graphKernelSpecs }] = await Promise.all([
    import("./executor.ts"),
    import("../kernels/graph-registry.ts"),
  ]);
  return await Loaded.create(model.onnx, new WebGpuBackend(gpu, graphKernelSpecs), options);
}
