// Running graphs in Node: opens the device, and the executor on it.
import type { OnnxFile } from "./compress/models.ts";
import { openDevice } from "./device/node.ts";
import { Executor, type ExecutorOptions } from "./execute/executor.ts";
import { graphKernelReferences } from "./kernels/graph-references.ts";
import { graphKernelSpecs } from "./kernels/graph-registry.ts";
import { CpuBackend } from "./run/cpu-backend.ts";
import { WebGpuBackend } from "./run/webgpu-backend.ts";

export interface NodeExecutorOptions extends ExecutorOptions {
  /** `webgpu`, or `cpu` for the plain references: slow, and sure. */
  readonly adapter?: "webgpu" | "cpu";
}

export interface OpenExecutor {
  readonly executor: Executor;
  /** What it runs on, for people. */
  readonly description: string;
  /** Frees the executor's memory and closes the device. */
  dispose(): void;
}

/**
 * Opens a device and an executor for a model's graph.
 * @throws NoAdapterError; IoError, FormatError, AbortedError
 * @example
 * const source = await fromFile("model.onnx");
 * const { executor, dispose } = await openExecutor(await openOnnx(source));
 * const { logits } = await executor.run({ image: { dims: [1, 3, 224, 224], data } });
 */
export async function openExecutor(model: OnnxFile, options: NodeExecutorOptions = {}): Promise<OpenExecutor> {
  const { adapter = "webgpu", ...rest } = options;
  if (adapter === "cpu") {
    const backend = new CpuBackend(graphKernelReferences);
    const executor = await Executor.create(model.onnx, backend, rest);
    return { executor, description: backend.profile.description, dispose: () => executor.dispose() };
  }
  const gpu = await openDevice();
  try {
    const executor = await Executor.create(model.onnx, new WebGpuBackend(gpu, graphKernelSpecs), rest);
    const dispose = (): void => {
      executor.dispose();
      gpu.dispose();
    };
    return { executor, description: gpu.profile.description, dispose };
  } catch (error) {
    gpu.dispose();
    throw error;
  }
}
