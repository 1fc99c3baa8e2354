// Which rule holds for which value of a model: names of tensors, nodes and operators, and what counts as a weight.
import { UsageError } from "../../base/errors.ts";
import { forEachGraph } from "../../formats/onnx/graphs.ts";
import type { OnnxModel, OnnxNode, OnnxTensor } from "../../formats/onnx/ir.ts";
import type { HookPoint } from "../../graph/hooks.ts";
import { storedHolder } from "../../model/scopes.ts";
import { findWeights, weightRole, type Weight } from "../../model/weights.ts";
import { nearNames, ruleMatcher } from "../quantize/rules.ts";
import { settingOf, type FakeQuantRule, type Setting } from "./rules.ts";

/** How many nodes a weight is followed through to the operator that multiplies with it. */
const mostMoves = 8;

interface Matching extends Setting {
  readonly matches: (name: string) => boolean;
}

const operatorNames = ({ domain, opType }: OnnxNode): readonly string[] =>
  domain === "" || domain === "ai.onnx" ? [opType] : [opType, `${domain}.${opType}`];

const nodeNames = (node: OnnxNode): readonly string[] =>
  node.name === "" ? operatorNames(node) : [node.name, ...operatorNames(node)];

/** The rules of a simulation, held against one model. */
export class Targets {
  readonly #rules: readonly Matching[];
  readonly #weights = new Map<OnnxTensor, Weight>();
  readonly #readers = new Map<string, OnnxNode[]>();

  /** @throws UsageError for a rule that contradicts itself or matches no name; near names are listed */
  constructor(model: OnnxModel, rules: readonly FakeQuantRule[]) {
    const names = new Set<string>();
    forEachGraph(model, ({ inputs, initializers, nodes }) => {
      for (const { name } of [...inputs, ...initializers]) names.add(name);
      for (const node of nodes) {
        for (const name of [...node.outputs, ...nodeNames(node)]) names.add(name);
        for (const input of node.inputs) this.#readers.set(input, [...(this.#readers.get(input) ?? []), node]);
      }
    });
    names.delete("");
    for (const weight of findWeights(model).weights) {
      this.#weights.set(storedHolder(weight.holder).tensor, weight);
      names.add(weight.id);
    }
    this.#rules = rules.map((rule, i) => {
      const matcher = ruleMatcher(rule.pattern);
      const matches = (name: string): boolean => name === rule.pattern || matcher(name);
      if (![...names].some(matches)) {
        const near = nearNames(rule.pattern, [...names]);
        throw new UsageError(`Rule "${rule.pattern}" matches no tensor, node or operator.`, {
          hint: `Near names: ${near.join(", ")}.`,
          details: { pattern: rule.pattern, near },
        });
      }
      return { ...settingOf(rule, i), matches };
    });
  }

  get settings(): readonly Setting[] {
    return this.#rules;
  }

  weightOf(tensor: OnnxTensor | undefined): Weight | undefined {
    return tensor && this.#weights.get(tensor);
  }

  /** The rule for an activation where it arises. @param constant that follows from constants alone */
  forTensor({ tensor }: HookPoint, constant: boolean): Setting | undefined {
    return this.#last("activations", (rule) => (constant ? rule.rule.pattern === tensor : rule.matches(tensor)));
  }

  /** The rule for an activation as a node takes it. */
  forOperand({ node }: HookPoint): Setting | undefined {
    const names = node ? nodeNames(node) : [];
    return this.#last("activations", ({ matches }) => names.some(matches));
  }

  /** The rule for a constant as a node takes it. */
  forConstant({ tensor, node, index }: HookPoint, weight: Weight | undefined): Setting | undefined {
    if (!weight) return this.#last("weights", ({ rule }) => rule.pattern === tensor);
    const names = [tensor, weight.id, ...(node ? this.#namesBehind(node, index) : [])];
    return this.#last("weights", ({ matches }) => names.some(matches));
  }

  #last(on: "weights" | "activations", holds: (rule: Matching) => boolean): Setting | undefined {
    return this.#rules.findLast((each) => (each.rule.on === undefined || each.rule.on === on) && holds(each));
  }

  /** Names of a node that reads a weight, and where it only moves it, of those that multiply with it in the end. */
  #namesBehind(node: OnnxNode, index: number, moves = mostMoves): readonly string[] {
    const own = nodeNames(node);
    if (moves === 0 || weightRole(node, index) !== undefined) return own;
    const behind = node.outputs.flatMap((output) =>
      (this.#readers.get(output) ?? []).flatMap((reader) =>
        this.#namesBehind(reader, reader.inputs.indexOf(output), moves - 1),
      ),
    );
    return [...own, ...behind];
  }
}
