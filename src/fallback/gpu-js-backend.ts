// The backend for machines without WebGPU: gpu.js computes the affine integer kernels, the CPU references all
// others, so every format works. Same bytes as on a device.
import { UnsupportedError } from "../base/errors.ts";
import { referenceParams } from "../kernels/kernel.ts";
import { kernelReferences } from "../kernels/references.ts";
import { portableProfile } from "../plan/portable-profile.ts";
import type { Plan } from "../plan/types.ts";
import type { BackendSession } from "../run/backend.ts";
import { HostBackend, type HostBackendOptions } from "../run/host-backend.ts";
import { affineKernels } from "./affine.ts";
import type { GpuJs, GpuJsMode } from "./gpu-js.ts";
import { openGpuJs, type OpenGpuJsOptions } from "./open-gpu-js.ts";

export interface GpuJsBackendOptions extends OpenGpuJsOptions, Pick<HostBackendOptions, "memoryLimit" | "poison"> {
  /** Bytes that plans may use at once. */
  readonly memoryBudget?: number;
  /** Told before a run which of its kernels gpu.js lacks, where they take most of the time. */
  readonly onWarning?: (text: string) => void;
}

const modeWords: Readonly<Record<GpuJsMode, string>> = {
  webgl2: "gpu.js on WebGL2",
  wasm: "gpu.js on WebAssembly",
  cpu: "gpu.js on plain JavaScript",
};

/** Kernels that touch groups rather than elements, or only move bytes: no reason to warn. */
const lightKernels: ReadonlySet<string> = new Set([
  "quantize/affine-scale",
  "quantize/pack-zero-points",
  "quantize/range-merge",
  "cast/narrow-half",
  "cast/widen-half",
  "util/copy-words",
  "util/transpose",
]);

export class GpuJsBackend extends HostBackend {
  /** What a person should know before using this backend. */
  readonly warning: string;
  readonly #gpu: GpuJs;
  readonly #kernels: ReadonlySet<string>;
  readonly #onWarning: ((text: string) => void) | undefined;

  constructor(gpu: GpuJs, options: Omit<GpuJsBackendOptions, keyof OpenGpuJsOptions> = {}) {
    const { memoryBudget, onWarning, ...rest } = options;
    const words = modeWords[gpu.mode];
    const kernels = { ...kernelReferences, ...affineKernels(gpu) };
    super(
      {
        backend: "gpu.js",
        adapterClass: "gpu.js",
        description: words,
        vendor: "",
        architecture: gpu.mode,
        features: [],
        limits: portableProfile.limits,
        ...(memoryBudget === undefined ? {} : { memoryBudget }),
      },
      (call, buffers) => kernels[call.kernel]?.(referenceParams(call), buffers),
      {
        ...rest,
        prepare: ({ kernel }) => {
          if (kernels[kernel]) return;
          throw new UnsupportedError(`The gpu.js backend lacks kernel ${kernel}.`, { details: { kernel } });
        },
      },
    );
    this.warning =
      `No WebGPU: ${words} computes the integer formats (2, 4 and 8 bits); the other formats and the scale searches ` +
      "run as plain code on one core, slowly.";
    this.#gpu = gpu;
    this.#kernels = new Set(Object.keys(affineKernels(gpu)));
    this.#onWarning = onWarning;
  }

  override open(program: Pick<Plan, "slots" | "calls">): Promise<BackendSession> {
    const ids = new Set(program.calls.map(({ kernel }) => kernel));
    const plain = [...ids].filter((id) => !this.#kernels.has(id) && !lightKernels.has(id));
    if (plain.length > 0) {
      this.#onWarning?.(`gpu.js lacks ${plain.join(", ")}: they run as plain code on one core, slowly.`);
    }
    return super.open(program);
  }

  /** Frees what gpu.js holds (a WebGL context, WebAssembly memory); the backend is of no use afterwards. */
  dispose(): Promise<void> {
    return this.#gpu.dispose();
  }
}

/**
 * Opens gpu.js as a backend: WebGL2 where it computes exactly, else WebAssembly, else plain JavaScript.
 * @throws UnsupportedError without the package gpu.js, or where no mode of it works
 */
export async function openGpuJsBackend(options: GpuJsBackendOptions = {}): Promise<GpuJsBackend> {
  const { mode, load, ...rest } = options;
  const gpu = await openGpuJs({ ...(mode ? { mode } : {}), ...(load ? { load } : {}) });
  return new GpuJsBackend(gpu, rest);
}
