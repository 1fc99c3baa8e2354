// Opens what computes in a page or worker: WebGPU, else gpu.js on WebGL2 or WebAssembly, else plain code. The
// fallbacks are loaded only where they are needed.
import { NoAdapterError, UnsupportedError, UsageError } from "./base/errors.ts";
import { parseBytes } from "./base/size.ts";
import { openDevice, type OpenDeviceOptions } from "./device/open.ts";
import { kernelSpecs } from "./kernels/registry.ts";
import type { Backend } from "./run/backend.ts";
import { WebGpuBackend } from "./run/webgpu-backend.ts";

export interface WebBackendOptions extends OpenDeviceOptions {
  /** `auto`: WebGPU, and where there is none gpu.js, and without that plain code; each step down with a warning. */
  readonly adapter?: "auto" | "webgpu" | "gpu.js" | "cpu";
  /** What imports gpu.js, for bundles that carry it under another name; default `import("gpu.js")`. */
  readonly loadGpuJs?: () => Promise<unknown>;
}

export interface WebBackend {
  readonly backend: Backend;
  /** What to tell the user, where it is not WebGPU that computes. */
  readonly warning?: string;
  dispose(): void;
}

/**
 * Opens a backend for runCompression.
 *
 * @throws NoAdapterError when WebGPU is asked for and there is none; UnsupportedError when gpu.js is asked for
 *   and can't be had; UsageError
 * @example const { backend, warning } = await openWebBackend();
 */
export async function openWebBackend(options: WebBackendOptions = {}): Promise<WebBackend> {
  const { adapter = "auto", loadGpuJs, ...deviceOptions } = options;
  if ((adapter === "gpu.js" || adapter === "cpu") && (options.device ?? options.gpu)) {
    throw new UsageError(`A WebGPU device and the adapter "${adapter}" exclude each other.`);
  }
  const fallback: FallbackOptions = {
    ...(loadGpuJs ? { load: loadGpuJs } : {}),
    ...(options.memoryBudget === undefined ? {} : { memoryBudget: parseBytes(options.memoryBudget) }),
  };
  if (adapter === "cpu") return openPlain(fallback);
  if (adapter === "gpu.js") return openGpuJs(fallback);
  try {
    const gpu = await openDevice(deviceOptions);
    return { backend: new WebGpuBackend(gpu, kernelSpecs), dispose: () => gpu.dispose() };
  } catch (error) {
    if (adapter === "webgpu" || !(error instanceof NoAdapterError)) throw error;
    const opened = await openAny(fallback);
    return { ...opened, warning: [error.message, error.hint, opened.warning].filter(Boolean).join(" ") };
  }
}

interface FallbackOptions {
  readonly memoryBudget?: number;
  readonly load?: () => Promise<unknown>;
}

async function openAny(options: FallbackOptions): Promise<WebBackend> {
  try {
    return await openGpuJs(options);
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error;
    const opened = await openPlain(options);
    return { ...opened, warning: [error.message, error.hint, opened.warning].filter(Boolean).join(" ") };
  }
}

async function openGpuJs(options: FallbackOptions): Promise<WebBackend> {
  const { openGpuJsBackend } = await import("./fallback/gpu-js-backend.ts");
  const backend = await openGpuJsBackend(options);
  return { backend, warning: backend.warning, dispose: () => void backend.dispose() };
}

async function openPlain({ memoryBudget }: FallbackOptions): Promise<WebBackend> {
  const [{ CpuBackend }, { kernelReferences }] = await Promise.all([
    import("./run/cpu-backend.ts"),
    import("./kernels/references.ts"),
  ]);
  return {
    backend: new CpuBackend(kernelReferences, memoryBudget === undefined ? {} : { memoryBudget }),
    warning: "All kernels run as plain code on one core, slowly.",
    dispose: () => undefined,
  };
}
