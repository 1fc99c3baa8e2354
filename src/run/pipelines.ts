// Compiles kernels and binds buffers to them. Pipelines are cached per device by kernel, variant and
// overrides. Must not know plans or files.
import { GpuError, InternalError } from "../base/errors.ts";
import type { GpuContext } from "../device/context.ts";
import { shaderStage } from "../device/flags.ts";
import type { KernelSpec, KernelVariant } from "../kernels/kernel.ts";

export interface KernelPipeline {
  readonly spec: KernelSpec;
  readonly variant: KernelVariant;
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

const caches = new WeakMap<GpuContext, Map<string, Promise<KernelPipeline>>>();

/**
 * The compiled pipeline of a kernel, from the cache or new.
 * @param overrides replace the spec's defaults by name
 * @throws GpuError with the shader compiler's messages; DeviceLostError; InternalError for a name that the spec lacks
 */
export function getPipeline(
  context: GpuContext,
  spec: KernelSpec,
  variantName: string,
  overrides: Readonly<Record<string, number>> = {},
): Promise<KernelPipeline> {
  let cache = caches.get(context);
  if (!cache) caches.set(context, (cache = new Map()));
  const constants = { ...spec.overrides, ...overrides };
  const key = JSON.stringify([spec.id, variantName, Object.entries(constants).toSorted()]);
  let found = cache.get(key);
  if (!found) {
    found = compile(context, spec, variantName, constants);
    cache.set(key, found);
    // A failure may be the device's (lost, out of memory): the next call tries again.
    found.catch(() => cache.delete(key));
  }
  return found;
}

/**
 * Binds a params uniform and storage buffers, in spec order, to a pipeline.
 * @throws InternalError where the number of buffers differs from the spec's
 */
export function bindGroup(
  context: GpuContext,
  { spec, layout }: KernelPipeline,
  params: GPUBufferBinding,
  storage: readonly GPUBufferBinding[],
): GPUBindGroup {
  if (storage.length !== spec.bindings.length) {
    throw new InternalError(
      `Kernel ${spec.id} binds ${spec.bindings.length} buffers and was given ${storage.length}.`,
      {
        details: { kernel: spec.id },
      },
    );
  }
  return context.device.createBindGroup({
    label: spec.id,
    layout,
    entries: [params, ...storage].map((resource, binding) => ({ binding, resource })),
  });
}

async function compile(
  context: GpuContext,
  spec: KernelSpec,
  variantName: string,
  constants: Record<string, number>,
): Promise<KernelPipeline> {
  const variant = spec.variants.find(({ name }) => name === variantName);
  const strange = Object.keys(constants).find((name) => !(name in spec.overrides));
  if (!variant || strange !== undefined) {
    const what = variant ? `override ${strange}` : `variant ${variantName}`;
    throw new InternalError(`Kernel ${spec.id} has no ${what}.`, { details: { kernel: spec.id } });
  }
  const { device } = context;
  const label = `${spec.id} [${variantName}]`;
  let code: GPUShaderModule | undefined;
  try {
    const made = await context.scope(label, () => {
      const layout = device.createBindGroupLayout({ label, entries: layoutEntries(spec) });
      code = device.createShaderModule({ label, code: variant.wgsl });
      return {
        layout,
        module: code,
        pipelineLayout: device.createPipelineLayout({ label, bindGroupLayouts: [layout] }),
      };
    });
    const { layout, module, pipelineLayout } = made;
    const pipeline = await context.guard(
      device.createComputePipelineAsync({
        label,
        layout: pipelineLayout,
        compute: { module, entryPoint: "main", constants },
      }),
    );
    // A pipeline of a lost device is made without complaint; don't hand it out.
    context.throwIfLost();
    return { spec, variant, pipeline, layout };
  } catch (error) {
    throw await describeFailure(error, spec, variant, code);
  }
}

/** Explicit layouts, since `layout: "auto"` drops bindings that a shader happens not to use. */
function layoutEntries(spec: KernelSpec): GPUBindGroupLayoutEntry[] {
  const visibility = shaderStage.compute;
  return [
    { binding: 0, visibility, buffer: { type: "uniform" } },
    ...spec.bindings.map(({ access }, index): GPUBindGroupLayoutEntry => ({
      binding: index + 1,
      visibility,
      buffer: { type: access === "read" ? "read-only-storage" : "storage" },
    })),
  ];
}

/** Loss and memory keep their own types; what concerns the shader gets the compiler's words. */
async function describeFailure(
  error: unknown,
  spec: KernelSpec,
  variant: KernelVariant,
  code: GPUShaderModule | undefined,
): Promise<unknown> {
  const isCompile = error instanceof GpuError || (error instanceof Error && error.name === "GPUPipelineError");
  if (!isCompile) return error;
  const messages = await compilerWords(variant.wgsl, code);
  const what = messages.length > 0 ? messages.join("; ") : error.message;
  return new GpuError(`Kernel ${spec.id} [${variant.name}] does not compile: ${what}`, {
    hint: "This adapter's compiler refuses the shader; please report it with the adapter's name.",
    details: { kernel: spec.id, variant: variant.name, messages },
    cause: error,
  });
}

/** Errors of the shader compiler with the text they point at: the linked shader is one long line. */
async function compilerWords(wgsl: string, code: GPUShaderModule | undefined): Promise<string[]> {
  const info = await code?.getCompilationInfo().catch(() => undefined);
  const errors = (info?.messages ?? []).filter(({ type }) => type === "error");
  return errors.map(({ message, offset, length }) => {
    const near = wgsl.slice(Math.max(0, offset - 40), offset + Math.max(length, 20) + 20);
    return `${message} near "${near}"`;
  });
}
