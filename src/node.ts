// The public entry for Node: everything of the main entry, with Dawn behind `openDevice`, and files.
export * from "./index.ts";
export { openDevice } from "./device/node.ts";
export { doctorReport } from "./device/node-doctor.ts";
export { formatDoctor, type DoctorReport } from "./device/doctor.ts";
export { canvasDecoder, imageFiles, type ImageFilesOptions } from "./data/node-images.ts";
export { fileCheckpoint } from "./node-checkpoint.ts";
export { openExecutor, type NodeExecutorOptions, type OpenExecutor } from "./node-executor.ts";
export { fromFile, toFile } from "./node-files.ts";
export { openNodeBackend, quantizeFile, type QuantizeFileOptions } from "./node-quantize.ts";
export {
  quantizePreset,
  type PresetFile,
  type PresetName,
  type PresetOptions,
  type PresetReport,
  type PresetType,
} from "./node-quantize-preset.ts";
export type { QuantizeReport } from "./report/types.ts";
export { calibrateFile, type CalibrateFileOptions, type FeedOptions } from "./node-calibrate.ts";
export {
  quantizeCalibratedFile,
  type CalibratedAlgorithm,
  type CalibratedReport,
  type QuantizeCalibratedFileOptions,
} from "./node-quantize-calibrated.ts";
export type { CalibratedLayer } from "./compress/gptq.ts";
export type { ScaledChannels } from "./compress/scale-channels.ts";
export { evaluateFile, type EvaluateFileOptions, type FileEvaluation } from "./node-evaluate.ts";
export {
  mergeStatistics,
  readStatistics,
  statisticsToJson,
  type Statistics,
  type TensorStatistics,
} from "./calibrate/statistics.ts";
