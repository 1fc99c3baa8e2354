// Rules of the recipe as they apply to nodes: a static model has one format, so that all a rule can say is `skip`.
import { UsageError } from "../../base/errors.ts";
import type { OnnxModel, OnnxNode } from "../../formats/onnx/ir.ts";
import { ruleMatcher, type Rule } from "../quantize/rules.ts";

/** A node's own name, its operator's inputs and outputs: what a rule may match. */
const namesOf = ({ name, inputs, outputs }: OnnxNode): readonly string[] =>
  [name, ...inputs.slice(1, 2), ...outputs].filter((each) => each !== "");

/**
 * What says why a node is skipped.
 * @throws UsageError for a rule that names a format, or matches no node
 */
export function skipByRules({ graph }: OnnxModel, rules: readonly Rule[]): (node: OnnxNode) => string | undefined {
  const skips = rules.map((rule) => {
    const { pattern, format } = rule;
    if (format !== "skip") {
      throw new UsageError(`Rule "${pattern}=${format}": static quantization has one format for all weights.`, {
        hint: `Leave nodes float with --rule "${pattern}=skip", or drop the rule.`,
        details: { pattern },
      });
    }
    const matches = ruleMatcher(pattern);
    if (!graph.nodes.some((node) => namesOf(node).some(matches))) {
      throw new UsageError(`Rule "${pattern}" matches no node.`, {
        hint: "Rules match names of nodes, of their weights and of what they make; wgslim inspect lists them.",
        details: { pattern },
      });
    }
    return { pattern, matches };
  });
  return (node) => {
    const found = skips.findLast(({ matches }) => namesOf(node).some(matches));
    return found && `rule "${found.pattern}"`;
  };
}
