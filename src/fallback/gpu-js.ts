// The only module that knows the package gpu.js: loads it on demand, makes and keeps its kernels. Kernels are
// given as text, since gpu.js parses their source and a bundler may have rewritten a function's own. Sizes are
// baked into what gpu.js compiles, so callers run few fixed sizes and pad.
//
// gpu.js claims the global name GPU in pages when it loads; navigator.gpu stays as it is.
import { InternalError, UnsupportedError } from "../base/errors.ts";

/** What gpu.js computes with. */
export type GpuJsMode = "webgl2" | "wasm" | "cpu";

export const gpuJsModes: readonly GpuJsMode[] = ["webgl2", "wasm", "cpu"];

/** A kernel in the subset of JavaScript that gpu.js translates. */
export interface GpuJsSource {
  readonly name: string;
  readonly text: string;
}

interface LibraryKernel {
  (...inputs: readonly Float32Array[]): unknown;
}

interface LibraryInstance {
  createKernel(source: string, settings: object): LibraryKernel;
  destroy(): Promise<void>;
}

export interface GpuJsLibrary {
  new (settings: { mode: string }): LibraryInstance;
}

interface LibraryModule {
  readonly GPU?: GpuJsLibrary;
  readonly default?: GpuJsLibrary & { readonly GPU?: GpuJsLibrary };
}

/** The names of the modes in gpu.js. */
const libraryModes: Readonly<Record<GpuJsMode, string>> = { webgl2: "webgl2", wasm: "webasm", cpu: "cpu" };

/**
 * Loads the package.
 * @throws UnsupportedError where it is not installed
 */
export async function loadGpuJs(load: () => Promise<unknown> = () => import("gpu.js")): Promise<GpuJsLibrary> {
  let module: LibraryModule;
  try {
    module = (await load()) as LibraryModule;
  } catch (cause) {
    throw new UnsupportedError("The fallback without WebGPU needs the package gpu.js, which can't be loaded.", {
      hint: "Install it beside wgslim: npm install gpu.js",
      details: { package: "gpu.js" },
      cause,
    });
  }
  const library = module.GPU ?? module.default?.GPU ?? module.default;
  if (library) return library;
  throw new UnsupportedError("The package gpu.js has no GPU class.", { hint: "Install version 2.24 or later of 2." });
}

/** One instance of gpu.js with its compiled kernels. Not exact by itself: see self-test.ts. */
export class GpuJs {
  readonly mode: GpuJsMode;
  readonly #instance: LibraryInstance;
  readonly #kernels = new Map<string, LibraryKernel>();

  /** @throws Error where the mode does not work here */
  constructor(library: GpuJsLibrary, mode: GpuJsMode) {
    this.mode = mode;
    this.#instance = new library({ mode: libraryModes[mode] });
  }

  /** Runs a kernel for `count` threads along x; one f32 each. */
  run(
    source: GpuJsSource,
    constants: Readonly<Record<string, number>>,
    count: number,
    inputs: readonly Float32Array[],
  ): Float32Array {
    const result = this.#kernel(source, constants, [count], inputs)(...inputs);
    if (result instanceof Float32Array) return result;
    throw new InternalError(`gpu.js kernel ${source.name} did not return a Float32Array.`);
  }

  /** Runs a kernel for width * height threads; `height` rows of f32. */
  runRows(
    source: GpuJsSource,
    constants: Readonly<Record<string, number>>,
    [width, height]: readonly [number, number],
    inputs: readonly Float32Array[],
  ): readonly Float32Array[] {
    const result = this.#kernel(source, constants, [width, height], inputs)(...inputs);
    if (Array.isArray(result)) return result as Float32Array[];
    throw new InternalError(`gpu.js kernel ${source.name} did not return rows.`);
  }

  async dispose(): Promise<void> {
    this.#kernels.clear();
    await this.#instance.destroy();
  }

  #kernel(
    { name, text }: GpuJsSource,
    constants: Readonly<Record<string, number>>,
    output: readonly number[],
    inputs: readonly Float32Array[],
  ): LibraryKernel {
    const key = JSON.stringify([name, constants, output, inputs.map(({ length }) => length)]);
    const known = this.#kernels.get(key);
    if (known) return known;
    const made = this.#instance.createKernel(text, { output, constants, precision: "single" });
    this.#kernels.set(key, made);
    return made;
  }
}
