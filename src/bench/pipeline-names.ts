// Names of the pipelines, apart from the code that runs them: the parent lists them without loading it.

export const pipelineNames = [
  "file quantize int4 absmax",
  "file quantize int4 mse (default)",
  "file quantize int8",
  "file identity (copy kernel)",
] as const;

export type PipelineName = (typeof pipelineNames)[number];
