// Which of a model's operators the executor can run, by name; the rest with the nodes that need them.
import type { OnnxFile } from "../compress/models.ts";
import { forEachGraph } from "../formats/onnx/graphs.ts";
import { isSupported } from "../graph/ops/registry.ts";
import { formatTable } from "../report/table.ts";

interface OperatorRow {
  readonly domain: string;
  readonly operator: string;
  readonly opset: number;
  readonly count: number;
  readonly supported: boolean;
  /** Nodes of an operator that can't be run, by name. */
  readonly nodes: readonly string[];
}

export interface OperatorInspection {
  readonly file: string;
  readonly operators: readonly OperatorRow[];
  /** Whether every node can be run, in some form of its operator. */
  readonly runs: boolean;
}

export function inspectOperators({ source, onnx }: OnnxFile): OperatorInspection {
  const rows = new Map<string, { count: number; nodes: string[]; domain: string; operator: string }>();
  forEachGraph(onnx, ({ nodes }) => {
    for (const { domain: given, opType: operator, name, outputs } of nodes) {
      const domain = given === "" ? "ai.onnx" : given;
      const key = `${domain}.${operator}`;
      const row = rows.get(key) ?? { count: 0, nodes: [], domain, operator };
      row.count += 1;
      if (!isSupported(domain, operator)) row.nodes.push(name || (outputs[0] ?? ""));
      rows.set(key, row);
    }
  });
  const versions = new Map(onnx.opsets.map(({ domain, version }) => [domain || "ai.onnx", version]));
  const operators = [...rows.values()]
    .map(({ domain, operator, count, nodes }): OperatorRow => ({
      domain,
      operator,
      opset: versions.get(domain) ?? 1,
      count,
      supported: isSupported(domain, operator),
      nodes,
    }))
    .toSorted((a, b) => Number(a.supported) - Number(b.supported) || b.count - a.count);
  return { file: source.name, operators, runs: operators.every(({ supported }) => supported) };
}

/** The list as text for a terminal, what can't be run first. */
export function operatorsText({ file, operators, runs }: OperatorInspection): string {
  const rows = operators.map(({ domain, operator, opset, count, supported, nodes }) => [
    operator,
    `${domain} ${opset}`,
    String(count),
    supported ? "yes" : `no: ${nodes.slice(0, 3).join(", ")}${nodes.length > 3 ? " \u2026" : ""}`,
  ]);
  return [
    `${file}: ${runs ? "every operator can be run" : "some operators can't be run"}`,
    "",
    formatTable(["operator", "set", "nodes", "runs"], rows),
  ].join("\n");
}
