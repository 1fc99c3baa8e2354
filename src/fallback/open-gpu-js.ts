// Opens gpu.js in the best mode that works and computes exactly here, and keeps one instance for the functions that
// need no backend.
import { UnsupportedError } from "../base/errors.ts";
import { GpuJs, gpuJsModes, loadGpuJs, type GpuJsLibrary, type GpuJsMode } from "./gpu-js.ts";
import { computesExactly } from "./self-test.ts";

export interface OpenGpuJsOptions {
  /** Only this mode; by default the first of WebGL2, WebAssembly and plain JavaScript that computes exactly. */
  readonly mode?: GpuJsMode;
  /** What imports the package; for bundles that carry it under another name. */
  readonly load?: () => Promise<unknown>;
}

/** @throws UnsupportedError without the package, or where no mode works */
export async function openGpuJs(options: OpenGpuJsOptions = {}): Promise<GpuJs> {
  const library = await loadGpuJs(options.load);
  const refused: string[] = [];
  for (const mode of options.mode ? [options.mode] : gpuJsModes) {
    const opened = await tryMode(library, mode);
    if (opened instanceof GpuJs) return opened;
    refused.push(`${mode}: ${opened}`);
  }
  throw new UnsupportedError(`gpu.js does not work here (${refused.join("; ")}).`, {
    hint: options.mode ? "Leave the mode to wgslim." : "Use the CPU backend.",
    details: { modes: refused },
  });
}

/** The instance, or why not. */
async function tryMode(library: GpuJsLibrary, mode: GpuJsMode): Promise<GpuJs | string> {
  let gpu: GpuJs | undefined;
  try {
    gpu = new GpuJs(library, mode);
    if (computesExactly(gpu)) return gpu;
    await gpu.dispose();
    return "its results are not exact";
  } catch (error) {
    await gpu?.dispose().catch(() => undefined);
    return error instanceof Error ? error.message : String(error);
  }
}

let shared: Promise<GpuJs> | undefined;

/** One instance for the whole program, opened on first use. @throws as openGpuJs */
export function sharedGpuJs(): Promise<GpuJs> {
  shared ??= openGpuJs().catch((error: unknown) => {
    shared = undefined;
    throw error;
  });
  return shared;
}
