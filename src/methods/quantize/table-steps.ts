// NF4 and FP4 as steps of a work unit: codes and absmax, double quantization of absmax, and the error.
// Layouts and arithmetic: FORMATS section 9 and the headers of the shaders.
import { InternalError, UnsupportedError, UsageError } from "../../base/errors.ts";
import type { DeviceProfile } from "../../base/profile.ts";
import { elementsOf } from "../../kernels/quantize/geometry.ts";
import { nestedAbsmaxCall, nestedAbsmaxSpec } from "../../kernels/quantize/nested-absmax.ts";
import { nestedDecodeCall, nestedDecodeSpec } from "../../kernels/quantize/nested-decode.ts";
import { nestedOffsetCall, nestedOffsetSpec } from "../../kernels/quantize/nested-offset.ts";
import { tableBlockCall, tableBlockSpec, tableBytes } from "../../kernels/quantize/table-block.ts";
import { tableDecodeCall, tableDecodeSpec } from "../../kernels/quantize/table-decode.ts";
import { dynamicMap, midpointsOf, nestedBlockSize } from "../../kernels/quantize/tables.ts";
import type { Step } from "../../plan/types.ts";
import type { EncodedPart, EncodeRequest, EncodeSteps, TableEncoding } from "./encoding.ts";
import { tensorErrorSteps, type RecordSteps } from "./error-steps.ts";
import { floatWords, kernelStep, wordBytes } from "./kernel-step.ts";

interface TableWork {
  readonly encoding: TableEncoding;
  readonly count: number;
  readonly blockSize: number;
  readonly blocks: number;
}

/** The flat view that the format takes: blocks run over the elements in order and ignore row ends. */
function workOf({ encoding, geometry, search, scaleType }: EncodeRequest): TableWork {
  if (encoding.kind !== "table") throw new InternalError(`tableEncodeSteps was asked for "${encoding.kind}".`);
  if (geometry.kind !== "blocked" || geometry.inner !== 1) {
    throw new InternalError("Table encodings need blocked geometry along the last axis; transpose the source first.");
  }
  if (geometry.outer !== 1 && geometry.dim % geometry.blockSize !== 0) {
    throw new UsageError(`Blocks of ${geometry.blockSize} do not divide rows of ${geometry.dim}.`, {
      hint: "NF4 and FP4 blocks run over row ends: give the tensor as one row, or take a block that divides the rows.",
      details: { blockSize: geometry.blockSize, row: geometry.dim },
    });
  }
  if (search.kind !== "absmax" || scaleType !== "f32") {
    const what = search.kind === "absmax" ? `${scaleType} scales` : `${search.kind} search`;
    throw new UnsupportedError(`${encoding.table} does not support ${what}.`, {
      hint: "bitsandbytes defines f32 absmax scales for it; use search absmax.",
    });
  }
  const count = elementsOf(geometry);
  return { encoding, count, blockSize: geometry.blockSize, blocks: Math.ceil(count / geometry.blockSize) };
}

/**
 * Codes of f32 elements. `codes`: ceil(count / 2) bytes, even element in the high nibble. `scales`: f32 absmax
 * per block; with double quantization one byte per block, and in `extra` nestedAbsmax (f32 per 256
 * blocks), nestedMap (256 f32) and nestedOffset (one f32). The offset is the mean over the request's
 * blocks, so a tensor that is doubly quantized must not be cut into several requests.
 * @throws UsageError for a block size or rows that the format can't hold, UnsupportedError for a search
 */
export function tableEncodeSteps(profile: DeviceProfile, request: EncodeRequest): EncodeSteps {
  const { encoding, count, blockSize, blocks } = workOf(request);
  const { prefix, source } = request;
  const [codes, absmax] = [`${prefix}codes`, `${prefix}absmax`];
  const bytes = tableBytes(count, blockSize);
  const call = tableBlockCall(encoding.table, count, blockSize);
  const plain: EncodeSteps = {
    buffers: { [codes]: wordBytes(bytes.codes), [absmax]: bytes.absmax },
    uploads: [],
    steps: [kernelStep(profile, tableBlockSpec, call, [source, codes, absmax])],
    codes: { buffer: codes, bytes: bytes.codes },
    scales: { buffer: absmax, bytes: bytes.absmax },
  };
  return encoding.doubleQuantized ? nest(profile, plain, absmax, blocks, prefix) : plain;
}

function nest(profile: DeviceProfile, plain: EncodeSteps, absmax: string, count: number, prefix: string): EncodeSteps {
  const [nestedCodes, nested, map] = [`${prefix}nestedCodes`, `${prefix}nestedAbsmax`, `${prefix}nestedMap`];
  const [offset, midpoints] = [`${prefix}nestedOffset`, `${prefix}nestedMidpoints`];
  const values = dynamicMap();
  const middles = midpointsOf(values);
  const nestedBytes = Math.ceil(count / nestedBlockSize) * 4;
  return {
    ...plain,
    buffers: {
      ...plain.buffers,
      [nestedCodes]: wordBytes(count),
      [nested]: nestedBytes,
      [offset]: 4,
      [map]: values.byteLength,
      [midpoints]: middles.byteLength,
    },
    uploads: [
      { buffer: map, data: { kind: "inline", words: floatWords(values) } },
      { buffer: midpoints, data: { kind: "inline", words: floatWords(middles) } },
    ],
    steps: [
      ...plain.steps,
      kernelStep(profile, nestedOffsetSpec, nestedOffsetCall(count), [absmax, offset]),
      kernelStep(profile, nestedAbsmaxSpec, nestedAbsmaxCall(count, nestedBlockSize), [
        absmax,
        offset,
        midpoints,
        nestedCodes,
        nested,
      ]),
    ],
    scales: { buffer: nestedCodes, bytes: count },
    extra: {
      nestedAbsmax: { buffer: nested, bytes: nestedBytes },
      nestedMap: { buffer: map, bytes: values.byteLength },
      nestedOffset: { buffer: offset, bytes: 4 },
    },
  };
}

function bufferOf(part: EncodedPart | undefined, name: string): string {
  if (part) return part.buffer;
  throw new InternalError(`A table encoding lacks its ${name}.`);
}

/** Decodes what tableEncodeSteps left into `target` (f32, added to the buffers). */
export function tableDecodeSteps(
  profile: DeviceProfile,
  request: EncodeRequest,
  encoded: EncodeSteps,
  target: string,
): { readonly buffers: Readonly<Record<string, number>>; readonly steps: readonly Step[] } {
  const { encoding, count, blockSize, blocks } = workOf(request);
  const scales = bufferOf(encoded.scales, "scales");
  if (!encoding.doubleQuantized) {
    const call = tableDecodeCall(encoding.table, count, blockSize);
    return {
      buffers: { [target]: count * 4 },
      steps: [kernelStep(profile, tableDecodeSpec, call, [encoded.codes.buffer, scales, target])],
    };
  }
  const absmax = `${request.prefix}decodedAbsmax`;
  const nested = bufferOf(encoded.extra?.["nestedAbsmax"], "nestedAbsmax");
  const map = bufferOf(encoded.extra?.["nestedMap"], "nestedMap");
  const offset = bufferOf(encoded.extra?.["nestedOffset"], "nestedOffset");
  return {
    buffers: { [target]: count * 4, [absmax]: blocks * 4 },
    steps: [
      kernelStep(profile, nestedDecodeSpec, nestedDecodeCall(blocks, nestedBlockSize), [
        scales,
        nested,
        map,
        offset,
        absmax,
      ]),
      kernelStep(profile, tableDecodeSpec, tableDecodeCall(encoding.table, count, blockSize), [
        encoded.codes.buffer,
        absmax,
        target,
      ]),
    ],
  };
}

/** What a table encoding lost against its source. Nothing counts as clipped: absmax spans every block. */
export function tableErrorSteps(profile: DeviceProfile, request: EncodeRequest, encoded: EncodeSteps): RecordSteps {
  const { source, prefix } = request;
  const { count } = workOf(request);
  const decoded = `${prefix}decoded`;
  const decode = tableDecodeSteps(profile, request, encoded, decoded);
  const errors = tensorErrorSteps(profile, { source, decoded, count, prefix });
  return {
    buffers: { ...decode.buffers, ...errors.buffers },
    steps: [...decode.steps, ...errors.steps],
    records: errors.records,
  };
}
