// The public entry "wgslim/evaluate": metrics by task, their confidence intervals, tests of paired results, and the
// choice of a format per layer from measured damages.
export {
  evaluateOutputs,
  evaluationTasks,
  openEvaluator,
  type EvaluationReport,
  type EvaluationTask,
  type TaskOptions,
  type TaskReports,
} from "./evaluate/evaluate-outputs.ts";
export {
  bootstrap,
  bootstrapMean,
  bootstrapRatio,
  type BootstrapOptions,
  type Interval,
  type Statistic,
} from "./evaluate/statistics/bootstrap.ts";
export { mcnemar, type McNemarResult } from "./evaluate/statistics/mcnemar.ts";
export {
  pairedBootstrap,
  pairedBootstrapMean,
  pairedBootstrapRatio,
  type PairedDifference,
} from "./evaluate/statistics/paired-bootstrap.ts";
export type { InputSpec, InputTensor, InputType, OutputTensor } from "./evaluate/tensors.ts";
export {
  allocateWithinBytes,
  allocateWithinDamage,
  type Allocation,
  type AllocationOptions,
  type FormatCost,
  type LayerCosts,
} from "./methods/allocate/allocate.ts";
