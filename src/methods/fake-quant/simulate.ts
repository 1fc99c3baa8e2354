// Emits the steps that give a tensor back as a format would: integers in one kernel under their scales, other formats
// through their codes. What depends on constants alone runs once, when a plan is prepared.
import { InternalError } from "../../base/errors.ts";
import type { DeviceProfile } from "../../base/profile.ts";
import { OnnxType } from "../../formats/onnx/ir.ts";
import type { GraphBuilder } from "../../graph/builder.ts";
import { transpose } from "../../graph/ops/shared.ts";
import { sizeOf, type Value } from "../../graph/values.ts";
import { fakeQuantCall } from "../../kernels/nn/fake-quant.ts";
import { affineScaleCall } from "../../kernels/quantize/affine-scale.ts";
import { float8DecodeCall } from "../../kernels/quantize/float8-decode.ts";
import { float8EncodeCall } from "../../kernels/quantize/float8-encode.ts";
import { groupCount, type Geometry } from "../../kernels/quantize/geometry.ts";
import { packedBytes } from "../../kernels/quantize/shape.ts";
import { e4m3fn, e5m2 } from "../../base/microfloat.ts";
import { affineEncodeSteps, namesOf, rangePiece } from "../quantize/affine-steps.ts";
import { castEncodeSteps, widenSteps } from "../quantize/cast-steps.ts";
import type { EncodeRequest, EncodeSteps } from "../quantize/encoding.ts";
import { float8DecodeSteps, float8EncodeSteps, mxDecodeSteps, mxEncodeSteps, nvfp4DecodeSteps, nvfp4EncodeSteps } from "../quantize/float-steps.ts"; // prettier-ignore
import type { StepsPiece } from "../quantize/group-steps.ts";
import { binaryDecodeSteps, binaryEncodeSteps, ternaryDecodeSteps, ternaryEncodeSteps } from "../quantize/low-bit-steps.ts"; // prettier-ignore
import { tableDecodeSteps, tableEncodeSteps } from "../quantize/table-steps.ts";
import type { AffineFormat, EncodedFormat } from "./formats.ts";
import { affineChoice, groupsFor, type AffineChoice, type Subject } from "./grouping.ts";
import type { Setting } from "./rules.ts";

/**
 * A value as its format would give it back, of the same dims.
 * @throws UsageError naming the tensor that the rule does not fit
 */
export function simulate(
  b: GraphBuilder,
  profile: DeviceProfile,
  value: Value,
  setting: Setting & { readonly format: AffineFormat | EncodedFormat },
  subject: Subject,
): Value {
  const { format } = setting;
  const { geometry, order } = groupsFor(setting, format, subject);
  const source = order ? transpose(b, value, order) : value;
  const made =
    format.kind === "affine"
      ? integers(b, profile, source, format, geometry, {
          setting,
          choice: affineChoice(setting, format, subject, geometry),
        })
      : encoded(b, profile, source, format, geometry, setting);
  if (!order) return made;
  return transpose(
    b,
    made,
    value.dims.map((_, axis) => order.indexOf(axis)),
  );
}

interface Integers {
  readonly setting: Setting;
  readonly choice: AffineChoice;
}

function integers(
  b: GraphBuilder,
  profile: DeviceProfile,
  source: Value,
  { bits }: AffineFormat,
  geometry: Geometry,
  { setting, choice }: Integers,
): Value {
  const { signed, scheme, rounding, halfScales, search } = choice;
  const { scales, zeros } = ((): { scales: Value; zeros: Value } => {
    const groups = groupCount(geometry);
    if (setting.scale) return given(b, setting, groups);
    const request: EncodeRequest = {
      encoding: { kind: "affine", bits: bits === 2 || bits === 4 ? bits : 8, signed, scheme, rounding },
      geometry,
      layout: "natural",
      search,
      scaleType: halfScales ? "f16" : "f32",
      source: "source",
      prefix: "",
    };
    if (search.kind !== "absmax") {
      const names = namesOf(request);
      const buffers = emitPiece(b, affineEncodeSteps(profile, request), { source });
      return { scales: present(buffers, names.scales), zeros: present(buffers, names.zeros) };
    }
    const { piece, ranges } = rangePiece(profile, request);
    const range = present(emitPiece(b, piece, { source }), ranges);
    const found = { scales: b.temp(OnnxType.FLOAT, [groups]), zeros: b.temp(OnnxType.INT32, [groups]) };
    const call = affineScaleCall(groups, { bits, signed, scheme, rounding, halfScales });
    b.emit(call, [range, found.scales, found.zeros]);
    return found;
  })();
  const y = b.temp(source.type, source.dims);
  b.emit(fakeQuantCall(geometry, { bits, signed, rounding }), [source, scales, zeros, y]);
  return y;
}

/** Scales and zero points of a rule, one for each group. */
function given(b: GraphBuilder, { scale = [], zero = [0] }: Setting, groups: number): { scales: Value; zeros: Value } {
  const spread = (list: readonly number[], type: number): Value =>
    b.known({
      type,
      dims: [groups],
      data: Float64Array.from({ length: groups }, (_, i) => list[list.length === 1 ? 0 : i] ?? 0),
    });
  return { scales: spread(scale, OnnxType.FLOAT), zeros: spread(zero, OnnxType.INT32) };
}

function encoded(
  b: GraphBuilder,
  profile: DeviceProfile,
  source: Value,
  { encoding }: EncodedFormat,
  geometry: Geometry,
  setting: Setting,
): Value {
  const y = b.temp(source.type, source.dims);
  if (encoding.kind === "float8" && setting.scale) {
    const element = encoding.element === "e5m2" ? e5m2 : e4m3fn;
    const { scales } = given(b, setting, groupCount(geometry));
    const codes = b.temp(OnnxType.UINT32, [packedBytes(sizeOf(source.dims), 8) / 4]);
    b.emit(float8EncodeCall(geometry, "natural", element), [source, scales, codes]);
    b.emit(float8DecodeCall(geometry, "natural", element), [codes, scales, y]);
    return y;
  }
  const request: EncodeRequest = {
    encoding,
    geometry,
    layout: "natural",
    search: { kind: "absmax" },
    scaleType: "f32",
    source: "source",
    prefix: "",
  };
  const { encode, decode } = families[encoding.kind];
  const codes = encode(profile, request);
  const buffers = emitPiece(b, codes, { source });
  emitPiece(b, decode(profile, request, codes, "decoded"), { ...buffers, decoded: y });
  return y;
}

interface Family {
  encode(profile: DeviceProfile, request: EncodeRequest): EncodeSteps;
  decode(
    profile: DeviceProfile,
    request: EncodeRequest,
    codes: EncodeSteps,
    target: string,
  ): Pick<StepsPiece, "buffers" | "steps">;
}

const families: Readonly<Record<EncodedFormat["encoding"]["kind"], Family>> = {
  table: { encode: tableEncodeSteps, decode: tableDecodeSteps },
  float8: { encode: float8EncodeSteps, decode: float8DecodeSteps },
  mx: { encode: mxEncodeSteps, decode: mxDecodeSteps },
  nvfp4: { encode: nvfp4EncodeSteps, decode: nvfp4DecodeSteps },
  ternary: { encode: ternaryEncodeSteps, decode: ternaryDecodeSteps },
  binary: { encode: binaryEncodeSteps, decode: binaryDecodeSteps },
  cast: {
    encode: castEncodeSteps,
    decode(profile, { encoding, geometry, prefix }, codes, target) {
      if (encoding.kind !== "cast") throw new InternalError(`A cast was asked of "${encoding.kind}".`);
      const count = geometry.outer * geometry.inner * (geometry.kind === "wide" ? geometry.channels : geometry.dim);
      return widenSteps(profile, { from: encoding.to, source: codes.codes.buffer, target, count, prefix });
    },
  },
};

type Buffers = Readonly<Record<string, Value>>;

function present(buffers: Buffers, name: string): Value {
  const value = buffers[name];
  if (value) return value;
  throw new InternalError(`Steps of a simulation lack the buffer "${name}".`);
}

/** Lays a work unit's steps into the program. Buffers that are given are not made again. */
function emitPiece(
  b: GraphBuilder,
  { buffers = {}, steps = [], uploads = [] }: Partial<StepsPiece>,
  given_: Buffers,
): Buffers {
  const all: Record<string, Value> = { ...given_ };
  for (const { buffer, data } of uploads) {
    if (data.kind !== "inline") throw new InternalError(`A simulation reads "${buffer}" from a file.`);
    const words = Float64Array.from(data.words);
    all[buffer] = words.every((word) => word === 0)
      ? b.zeros(OnnxType.UINT32, [words.length])
      : b.known({ type: OnnxType.UINT32, dims: [words.length], data: words });
  }
  for (const [name, bytes] of Object.entries(buffers)) all[name] ??= b.temp(OnnxType.UINT32, [bytes / 4]);
  for (const { call, bindings } of steps) {
    b.emit(
      call,
      bindings.map((name) => present(all, name)),
    );
  }
  return all;
}
