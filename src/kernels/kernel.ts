// What a kernel is, as data: its spec (walls and bindings), one call of it, and the shape of its CPU
// reference. Kernel modules build calls from shapes; only `run` meets a device.

import { InternalError } from "../base/errors.ts";
import type { DeviceProfile, Feature, LanguageFeature } from "../base/profile.ts";

export type ParamType = "u32" | "i32" | "f32";

export interface BindingSpec {
  readonly name: string;
  readonly access: "read" | "read_write";
}

export interface KernelVariant {
  /** "portable" for the one that runs everywhere. */
  readonly name: string;
  readonly requires: readonly (Feature | LanguageFeature)[];
  /** Linked, plain WGSL with one entry point `main`. */
  readonly wgsl: string;
}

export interface KernelSpec {
  /** `family/name`, the path of all four walls. */
  readonly id: string;
  /** Members of the WGSL `struct Params` (uniform, binding 0) in order; 4-byte scalars only. */
  readonly params: readonly (readonly [name: string, type: ParamType])[];
  /** Storage bindings in order; binding index = position + 1. At most 8. */
  readonly bindings: readonly BindingSpec[];
  /** Names of the `override` constants, with defaults that fit every device. */
  readonly overrides: Readonly<Record<string, number>>;
  /** In order of preference; the last one requires nothing. */
  readonly variants: readonly KernelVariant[];
  /** "exact": the same bytes on every device and in the reference; else a bound on |a-b| / max(|b|, floor). */
  readonly tolerance: "exact" | { readonly relative: number; readonly floor: number };
}

/** One dispatch, as plain data. */
export interface KernelCall {
  readonly kernel: string;
  readonly variant: string;
  readonly overrides: Readonly<Record<string, number>>;
  readonly params: Readonly<Record<string, number>>;
  /** Workgroups in all; the runner folds them into a grid, the shader unfolds with common/grid.wgsl. */
  readonly workgroups: number;
  /** Bytes that storage bindings are read and written for, and scalar operations; for cost estimates. */
  readonly cost: { readonly bytes: number; readonly ops: number };
}

/** What a reference takes as params: those of the call, and its overrides, since some choose the operation. */
export const referenceParams = ({
  overrides,
  params,
}: Pick<KernelCall, "overrides" | "params">): Readonly<Record<string, number>> => ({
  ...overrides,
  ...params,
});

/**
 * The plain scalar reference of a kernel: computes what one call writes, from the mathematics. Its params are those
 * of `referenceParams`.
 * `buffers` are the storage bindings in spec order, as whole byte arrays; outputs are written in place.
 */
export type KernelReference = (params: Readonly<Record<string, number>>, buffers: readonly Uint8Array[]) => void;

/** The first variant that the profile can run. */
export function selectVariant(spec: KernelSpec, profile: Pick<DeviceProfile, "features">): KernelVariant {
  const found = spec.variants.find((variant) => variant.requires.every((f) => profile.features.includes(f)));
  if (!found) throw new InternalError(`Kernel ${spec.id} has no portable variant.`, { details: { kernel: spec.id } });
  return found;
}

/** Packs a call's params as the uniform's bytes (4-byte scalars in spec order, padded to 16). */
export function packParams(spec: KernelSpec, params: Readonly<Record<string, number>>): Uint8Array {
  const bytes = new Uint8Array(Math.max(16, Math.ceil(spec.params.length / 4) * 16));
  const view = new DataView(bytes.buffer);
  for (const [index, [name, type]] of spec.params.entries()) {
    const value = params[name];
    if (value === undefined) throw new InternalError(`Kernel ${spec.id} was called without its param ${name}.`);
    if (type === "f32") view.setFloat32(index * 4, value, true);
    else if (type === "i32") view.setInt32(index * 4, value, true);
    else view.setUint32(index * 4, value, true);
  }
  return bytes;
}

/** Folds a flat count of workgroups into a grid whose sides respect the device's limit per dimension. */
export function foldGrid(workgroups: number, maxPerDimension: number): readonly [number, number, number] {
  if (workgroups <= maxPerDimension) return [workgroups, 1, 1];
  const rows = Math.ceil(workgroups / maxPerDimension);
  return rows <= maxPerDimension
    ? [Math.ceil(workgroups / rows), rows, 1]
    : [maxPerDimension, maxPerDimension, Math.ceil(workgroups / maxPerDimension ** 2)];
}
