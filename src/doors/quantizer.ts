// Quantization for apps that own their GPUDevice: kernels on the caller's buffers, encoded into the caller's
// command encoder or compute pass. No submit, no readback, no wait; what is made here owns scratch memory
// and pipelines only, and may be used in every frame.
import type { GpuContext } from "../device/context.ts";
import { elementsOf, type CodeLayout, type Geometry } from "../kernels/quantize/geometry.ts";
import type { EncodedPart, EncodeRequest, Encoding, ScaleSearch, ScaleType } from "../methods/quantize/encoding.ts";
import { wordBytes } from "../methods/quantize/kernel-step.ts";
import { contextOf } from "./gpu-handle.ts";
import { decodeStepsOf, encodeStepsOf } from "./encodings.ts";
import { Program, type BufferRange, type CallerBuffer, type EncodeTarget } from "./program.ts";

export interface QuantizerOptions {
  readonly encoding: Encoding;
  /** How the tensor falls into groups; `rowBlocks(rows, cols, 32)` for a weight matrix. */
  readonly geometry: Geometry;
  /** `natural` (default): codes in the order of the elements; `rows`: each row padded to whole blocks. */
  readonly layout?: CodeLayout;
  /** How scales are chosen; default absmax. */
  readonly search?: ScaleSearch;
  /** How scales are stored; default f32. */
  readonly scaleType?: ScaleType;
  /**
   * Weight the error of `mse` and `hqq` by one f32 per element along the blocked axis; the caller then gives the
   * buffer `importance` with each encoding.
   */
  readonly importance?: boolean;
}

/** Bytes that each buffer must hold at least; all are multiples of 4. */
export interface PartSizes {
  /** f32 elements in natural order. */
  readonly source: number;
  readonly codes: number;
  readonly scales?: number;
  readonly zeroPoints?: number;
  readonly importance?: number;
  /** Further parts of nvfp4 (globalScale) and of doubly quantized tables (nestedAbsmax, nestedOffset). */
  readonly extra: Readonly<Record<string, number>>;
}

/** Packed parts as buffers; their usage must include STORAGE. Which ones an encoding has, `sizes` tells. */
export interface PackedBuffers {
  readonly codes: BufferRange;
  readonly scales?: BufferRange;
  readonly zeroPoints?: BufferRange;
  readonly extra?: Readonly<Record<string, BufferRange>>;
}

export interface EncodeBuffers extends PackedBuffers {
  readonly source: BufferRange;
  readonly importance?: BufferRange;
}

export interface Quantizer {
  readonly sizes: PartSizes;
  /** Device memory that the quantizer itself holds. */
  readonly scratchBytes: number;
  /**
   * Encodes source -> codes, scales, zero points. The result is there for whatever the caller encodes behind it.
   * Two encodings of one quantizer share its scratch: they run one after the other, as WebGPU orders them anyway.
   * @throws UsageError for a buffer that is missing or too small
   */
  encode(target: EncodeTarget, buffers: EncodeBuffers): void;
  /** Frees the scratch memory; the caller's buffers and device are left alone. */
  dispose(): void;
}

export interface Dequantizer {
  readonly sizes: PartSizes;
  readonly scratchBytes: number;
  /** Encodes codes, scales, zero points -> `target`, f32 in natural order, of `sizes.source` bytes. */
  encode(target: EncodeTarget, buffers: PackedBuffers & { readonly target: BufferRange }): void;
  dispose(): void;
}

/**
 * Compiles what quantizes tensors of one shape.
 *
 * @example
 * const quantizer = await createQuantizer(device, { encoding: affineEncoding("int4"), geometry: rowBlocks(64, 64, 32) });
 * const codes = device.createBuffer({ size: quantizer.sizes.codes, usage: GPUBufferUsage.STORAGE });
 * quantizer.encode(encoder, { source, codes, scales });
 * @throws UsageError and UnsupportedError for combinations that an encoding lacks; GpuError; DeviceLostError
 */
export async function createQuantizer(gpu: GpuContext | GPUDevice, options: QuantizerOptions): Promise<Quantizer> {
  const context = contextOf(gpu);
  const request = requestOf(options);
  const encoded = encodeStepsOf(context.profile, request);
  const { sizes, parts } = partsOf(request, encoded);
  const source: CallerBuffer = { role: "source", name: request.source, bytes: sizes.source };
  const importance = request.importance;
  const program = await Program.create(context, encoded, [
    source,
    ...parts,
    ...(importance === undefined
      ? []
      : [{ role: "importance", name: importance, bytes: sizes.importance ?? 0 } satisfies CallerBuffer]),
  ]);
  return {
    sizes,
    scratchBytes: program.scratchBytes,
    encode: (target, { source: from, importance: by, ...packed }) =>
      program.encode(target, { source: from, importance: by, ...byRole(packed) }),
    dispose: () => program.dispose(),
  };
}

/**
 * Compiles what decodes tensors of one shape back to f32. Takes the options of the quantizer that packed them.
 * @throws as createQuantizer
 */
export async function createDequantizer(gpu: GpuContext | GPUDevice, options: QuantizerOptions): Promise<Dequantizer> {
  const context = contextOf(gpu);
  const request = requestOf(options);
  const encoded = encodeStepsOf(context.profile, request);
  const { sizes, parts } = partsOf(request, encoded);
  const steps = decodeStepsOf(context.profile, request, encoded, "decoded");
  const target: CallerBuffer = { role: "target", name: "decoded", bytes: sizes.source };
  const used = new Set(steps.steps.flatMap(({ bindings }) => bindings));
  // Constants of the format, which the quantizer holds in its scratch, are needed here too.
  const { uploads } = encoded;
  const constants = Object.fromEntries(
    uploads.flatMap(({ buffer }) => (used.has(buffer) ? [[buffer, encoded.buffers[buffer] ?? 4]] : [])),
  );
  const program = await Program.create(context, { ...steps, buffers: { ...steps.buffers, ...constants }, uploads }, [
    ...parts.filter(({ name }) => used.has(name)),
    target,
  ]);
  return {
    sizes,
    scratchBytes: program.scratchBytes,
    encode: (encoder, { target: into, ...packed }) => program.encode(encoder, { target: into, ...byRole(packed) }),
    dispose: () => program.dispose(),
  };
}

function requestOf(options: QuantizerOptions): EncodeRequest {
  const { encoding, geometry, layout = "natural", search = { kind: "absmax" }, scaleType = "f32" } = options;
  return {
    encoding,
    geometry,
    layout,
    search,
    scaleType,
    source: "source",
    prefix: "",
    ...(options.importance ? { importance: "importance" } : {}),
  };
}

function partsOf(
  { geometry, importance }: EncodeRequest,
  encoded: ReturnType<typeof encodeStepsOf>,
): { readonly sizes: PartSizes; readonly parts: readonly CallerBuffer[] } {
  const bytesOf = ({ buffer, bytes }: EncodedPart): number => encoded.buffers[buffer] ?? wordBytes(bytes);
  const { codes, scales, zeroPoints } = encoded;
  const isConstant = ({ buffer }: EncodedPart): boolean => encoded.uploads.some((upload) => upload.buffer === buffer);
  const extra = Object.fromEntries(Object.entries(encoded.extra ?? {}).filter(([, part]) => !isConstant(part)));
  const named: Readonly<Record<string, EncodedPart | undefined>> = { codes, scales, zeroPoints, ...extra };
  const parts = Object.entries(named).flatMap(([role, part]): CallerBuffer[] =>
    part ? [{ role, name: part.buffer, bytes: bytesOf(part) }] : [],
  );
  const sizes: PartSizes = {
    source: elementsOf(geometry) * 4,
    codes: bytesOf(codes),
    ...(scales ? { scales: bytesOf(scales) } : {}),
    ...(zeroPoints ? { zeroPoints: bytesOf(zeroPoints) } : {}),
    ...(importance !== undefined && geometry.kind === "blocked" ? { importance: geometry.dim * 4 } : {}),
    extra: Object.fromEntries(Object.entries(extra).map(([name, part]) => [name, bytesOf(part)])),
  };
  return { sizes, parts };
}

const byRole = ({
  codes,
  scales,
  zeroPoints,
  extra,
}: PackedBuffers): Readonly<Record<string, BufferRange | undefined>> => ({
  ...extra,
  codes,
  scales,
  zeroPoints,
});
