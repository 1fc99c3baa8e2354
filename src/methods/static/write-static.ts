// From an assignment to the graph of a static model, its weights' codes still pending.
import type { OnnxModel } from "../../formats/onnx/ir.ts";
import { raiseVersions } from "../../formats/onnx/opset/raise.ts";
import { usedNames } from "../../model/scopes.ts";
import type { Weight } from "../../model/weights.ts";
import type { Assignment } from "./assign.ts";
import type { BiasShifts } from "./bias.ts";
import { StaticParts, type PackedStaticWeight } from "./parts.ts";
import type { PreparedStatic } from "./prepare.ts";
import { writeQdq } from "./qdq.ts";
import { writeQOperator } from "./qoperator.ts";

export interface StaticGraph {
  readonly model: OnnxModel;
  readonly packed: readonly PackedStaticWeight[];
  readonly warnings: readonly string[];
}

const contrib = "com.microsoft";

/** Operator set in which DequantizeLinear has an axis and MaxPool takes codes. */
const lowestOpset = 13;

/** Operator set in which the standard conversions take 16 bits. */
const wideOpset = 21;

/**
 * Writes the graph.
 * @param sourceKey key of a constant's bytes for the run's IO
 * @throws UnsupportedError where the operator set cannot be raised
 */
export function writeStatic(
  prepared: PreparedStatic,
  assignment: Assignment,
  shifts: BiasShifts,
  sourceKey: (weight: Weight) => string,
): StaticGraph {
  const { model, options } = prepared;
  const { graph } = model;
  const parts = new StaticParts(prepared, assignment, shifts, sourceKey);
  const version = model.opsets.find(({ domain }) => domain === "" || domain === "ai.onnx")?.version ?? 0;
  const domain = options.activation.endsWith("16") && version < wideOpset ? contrib : "";
  const inputs = graph.inputs.map(({ name }) => name);
  const nodes =
    options.form === "qdq"
      ? writeQdq(graph.nodes, inputs, assignment, parts, domain)
      : writeQOperator(graph.nodes, inputs, assignment, parts);
  const used = usedNames(nodes, graph.outputs);
  const kept = nodes.filter(({ opType, outputs }) => opType !== "Constant" || outputs.some((name) => used.has(name)));
  const known = new Set(graph.initializers.map(({ name }) => name));
  const written: OnnxModel = {
    ...model,
    graph: {
      ...graph,
      nodes: kept,
      initializers: [...graph.initializers.filter(({ name }) => used.has(name)), ...parts.initializers],
      inputs: graph.inputs.filter(({ name }) => used.has(name) || !known.has(name)),
    },
  };
  const domains = [...new Set(kept.map((node) => node.domain))].filter((name) => name === contrib);
  const raised = raiseVersions(written, {
    opset: lowestOpset,
    domains,
    fresh: (wanted) => parts.names.fresh(wanted),
  });
  return { model: raised.model, packed: parts.packed, warnings: raised.warnings };
}
