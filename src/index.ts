// The public entry for every platform: open a device, open a model, plan, run. File and platform helpers are
// in "wgslim/node" and "wgslim/web".
export {
  AbortedError,
  DeviceLostError,
  FormatError,
  GpuError,
  InternalError,
  IoError,
  NoAdapterError,
  NonFiniteError,
  OutOfMemoryError,
  ProofError,
  QualityGateError,
  UnsupportedError,
  UsageError,
  WgslimError,
  type ErrorCode,
  type ErrorDetails,
} from "./base/errors.ts";
export type { ByteSink, ByteSource } from "./base/bytes.ts";
export type { AdapterClass, DeviceLimits, DeviceProfile } from "./base/profile.ts";
export { openModel, openOnnx } from "./compress/open-model.ts";
export type { Model, OnnxFile, SafetensorsFile } from "./compress/models.ts";
export {
  draftCompression,
  planCompression,
  type CompressionDraft,
  type CompressionPlan,
  type PlannedTensor,
  type QuantizeRecipe,
} from "./compress/plan-compression.ts";
export { compressWithRetry, type CompressWithRetryOptions, type RetriedCompression } from "./compress/retry.ts";
export {
  runCompression,
  type CompressionResult,
  type QualityGate,
  type RunCompressionOptions,
  type TensorResult,
} from "./compress/run-compression.ts";
export { readTensorValues, type TensorValues } from "./compress/tensor-values.ts";
export type { GpuContext } from "./device/context.ts";
export { createExecutor } from "./execute/create.ts";
export type { Executor, ExecutorOptions, GraphInput, GraphOutput } from "./execute/executor.ts";
export { openDevice, type OpenDeviceOptions } from "./device/open.ts";
export { affineEncoding, rowBlocks } from "./doors/encodings.ts";
export { createBlockMatmul, type BlockMatmul, type BlockMatmulOptions } from "./doors/matmul.ts";
export type { BufferRange, EncodeTarget } from "./doors/program.ts";
export {
  createDequantizer,
  createQuantizer,
  type Dequantizer,
  type EncodeBuffers,
  type PackedBuffers,
  type PartSizes,
  type Quantizer,
  type QuantizerOptions,
} from "./doors/quantizer.ts";
export { decodeSnippet, snippetNames, type SnippetName } from "./doors/snippets.ts";
export { fromBlob } from "./formats/sources/blob.ts";
export { fromBytes, toMemory } from "./formats/sources/memory.ts";
export { fromUrl } from "./formats/sources/url.ts";
export type { ErrorStatistics } from "./kernels/quantize/error-sums.ts";
export { elementsOf, groupCount, type CodeLayout, type Geometry } from "./kernels/quantize/geometry.ts";
export { kernelSpecs } from "./kernels/registry.ts";
export {
  describeFormat,
  formatNames,
  resolveFormat,
  type FormatName,
  type FormatOptions,
  type ResolvedFormat,
} from "./methods/quantize/formats.ts";
export type { FakeFormat } from "./methods/fake-quant/formats.ts";
export type { FakeGranularity, FakeQuantRule } from "./methods/fake-quant/rules.ts";
export { parseRule, type Rule, type SkipPolicy } from "./methods/quantize/rules.ts";
export type { AffineEncoding, Encoding, ScaleSearch, ScaleType } from "./methods/quantize/encoding.ts";
export { formatPlan } from "./plan/format.ts";
export type { Plan } from "./plan/types.ts";
export { portableProfile } from "./plan/portable-profile.ts";
export type { Backend } from "./run/backend.ts";
export type { CheckpointStore } from "./run/checkpoint.ts";
export type { RunProgress } from "./run/run-plan.ts";
export type { CompressionProgress } from "./compress/progress.ts";
export { WebGpuBackend } from "./run/webgpu-backend.ts";
