// Lowers an ONNX graph for given input shapes to a program of kernel calls. Nodes are visited in file order; what
// follows from shapes and constants is worked out on the host; sub-graphs are laid in place of their nodes.
import { FormatError, UnsupportedError } from "../base/errors.ts";
import type { OnnxGraph, OnnxModel, OnnxNode, OnnxTensor } from "../formats/onnx/ir.ts";
import { GraphBuilder, type InputReader, type LowerTarget } from "./builder.ts";
import { throughHooks, type HookPoint, type LoweringHooks } from "./hooks.ts";
import { evaluateOnHost } from "./host/evaluate.ts";
import { NodeContext, type InlineGraph } from "./node-context.ts";
import { observedOutputs, type Observation } from "./observe.ts";
import { findLowering } from "./ops/registry.ts";
import type { GraphProgram } from "./program.ts";
import type { HostTensor, Value } from "./values.ts";

export interface LowerOptions {
  /** What kernels choose their variants by: a device's profile. */
  readonly target: LowerTarget;
  /** Dims of each graph input. */
  readonly dims: ReadonlyMap<string, readonly number[]>;
  /** Elements of graph inputs, where lowering depends on them. */
  readonly readInput?: InputReader;
  /** Elements of small constants, read beforehand. */
  readonly constants: ReadonlyMap<OnnxTensor, HostTensor>;
  /** Names of the values to compute; the graph's outputs where absent. May name any value of the main graph. */
  readonly outputs?: readonly string[];
  /** Statistics to give in place of outputs. */
  readonly observe?: Observation;
  /** What changes or reads values on the way, each after the one before it. */
  readonly hooks?: readonly LoweringHooks[];
}

interface Scope {
  readonly values: Map<string, Value>;
  /** How often each name is read, as an output too; sub-graphs count for each of theirs. */
  readonly uses: ReadonlyMap<string, number>;
  readonly parent?: Scope;
}

const lookUp = (scope: Scope | undefined, name: string): Value | undefined => {
  for (let at = scope; at; at = at.parent) {
    const found = at.values.get(name);
    if (found) return found;
  }
  return undefined;
};

const opsetOf = (model: OnnxModel, domain: string): number =>
  model.opsets.find(
    (opset) => (opset.domain === "ai.onnx" ? "" : opset.domain) === (domain === "ai.onnx" ? "" : domain),
  )?.version ?? 1;

/**
 * @throws UnsupportedError naming node, operator, domain and operator set for what can't be run; FormatError for
 *   graphs and inputs that contradict themselves
 */
export function lowerGraph(model: OnnxModel, options: LowerOptions): GraphProgram {
  const builder = new GraphBuilder(options.target, options.readInput ?? (() => undefined));

  const { graph } = model;
  const { observe, hooks = [] } = options;
  const wanted = observe?.tensors ?? options.outputs ?? graph.outputs.map(({ name }) => name);
  const scope: Scope = { values: new Map(), uses: countUses(graph, wanted) };
  const initializers = new Set(graph.initializers.map(({ name }) => name));
  for (const { name, tensor } of graph.inputs) {
    if (initializers.has(name) && !options.dims.has(name)) continue;
    const dims = options.dims.get(name);
    if (!tensor || !dims) throw new FormatError(`Input "${name}" is no tensor of known shape.`, { details: { name } });
    builder.enter(name);
    const value = builder.input(name, tensor.dataType, dims);
    scope.values.set(name, throughHooks(hooks, builder, value, { tensor: name, role: "input", index: 0 }));
  }
  const lowering = new Lowerer(model, builder, options.constants, hooks);
  lowering.graph(graph, scope, wanted);
  const more = () => hooks.flatMap((hook) => hook.outputs?.(builder) ?? []);
  if (observe) {
    return builder.finish([...observedOutputs(builder, observe, (tensor) => lookUp(scope, tensor)), ...more()]);
  }
  const outputs = wanted.map((name) => {
    const value = lookUp(scope, name);
    if (value) return { name, value };
    throw new FormatError(`The graph has no value "${name}".`, { details: { name } });
  });
  return builder.finish([...outputs, ...more()]);
}

class Lowerer {
  readonly #model: OnnxModel;
  readonly #builder: GraphBuilder;
  readonly #constants: ReadonlyMap<OnnxTensor, HostTensor>;
  readonly #hooks: readonly LoweringHooks[];

  constructor(
    model: OnnxModel,
    builder: GraphBuilder,
    constants: ReadonlyMap<OnnxTensor, HostTensor>,
    hooks: readonly LoweringHooks[],
  ) {
    this.#model = model;
    this.#builder = builder;
    this.#constants = constants;
    this.#hooks = hooks;
  }

  /** Lowers the nodes that `wanted` depends on, in order, into the scope. */
  graph(graph: OnnxGraph, scope: Scope, wanted: readonly string[]): void {
    for (const tensor of graph.initializers) {
      if (!scope.values.has(tensor.name)) scope.values.set(tensor.name, this.#constant(tensor, tensor.name));
    }
    for (const node of neededNodes(graph, wanted)) this.#node(node, scope);
  }

  #constant(tensor: OnnxTensor, name: string): Value {
    const host = this.#constants.get(tensor);
    return { name, type: tensor.dataType, dims: tensor.dims, tensor, ...(host ? { host } : {}) };
  }

  #hooked(value: Value, at: HookPoint): Value {
    return this.#hooks.length === 0 ? value : throughHooks(this.#hooks, this.#builder, value, at);
  }

  #node(node: OnnxNode, scope: Scope): void {
    const { opType, name, domain } = node;
    const opset = opsetOf(this.#model, domain);
    const label = name || (node.outputs[0] ?? opType);
    this.#builder.enter(label);
    const inputs = node.inputs.map((input, index) => {
      if (input === "") return undefined;
      const value = lookUp(scope, input);
      if (value) return this.#hooked(value, { tensor: input, role: value.tensor ? "weight" : "operand", node, index });
      throw new FormatError(`${opType} "${name}" reads "${input}", which nothing gives.`, {
        hint: "The graph is not in order or has a cycle; check it with onnx.checker.",
        details: { node: name, input },
      });
    });
    const inline: InlineGraph = (graph, bindings) => {
      const results = graph.outputs.map(({ name: result }) => result);
      const inner: Scope = { values: new Map(), uses: countUses(graph, results), parent: scope };
      for (const [i, { name: inputName }] of graph.inputs.entries()) {
        const value = bindings[i];
        if (value) inner.values.set(inputName, value);
      }
      this.graph(graph, inner, results);
      return results.map((output) => {
        const value = lookUp(inner, output);
        if (value) return value;
        throw new FormatError(`A sub-graph of ${opType} "${name}" has no value "${output}".`, { details: { output } });
      });
    };
    const ctx = new NodeContext(node, opset, this.#builder, inputs, inline, (input) => usesOf(scope, input));
    const found = this.#evaluate(ctx);
    this.#builder.enter(label);
    for (const [index, output] of node.outputs.entries()) {
      const value = found[index];
      if (output === "" || !value) continue;
      const named = { ...value, name: output };
      // Constants are met where nodes take them.
      scope.values.set(
        output,
        value.tensor ? named : this.#hooked(named, { tensor: output, role: "output", node, index }),
      );
    }
  }

  #evaluate(ctx: NodeContext): readonly (Value | undefined)[] {
    const { node } = ctx;
    const tensor = node.opType === "Constant" ? node.attributes.find((a) => a.name === "value")?.value : undefined;
    if (tensor?.type === "tensor") return [this.#constant(tensor.value, node.outputs[0] ?? "")];
    const host = evaluateOnHost(ctx);
    if (host?.now) return host.now;
    const lowering = findLowering(node.domain, node.opType);
    if (!lowering) {
      const domain = node.domain || "ai.onnx";
      throw new UnsupportedError(
        `Operator ${domain}.${node.opType} (opset ${ctx.opset}) of ${ctx.label} can't be run.`,
        {
          hint: "`wgslim inspect --ops` lists what can be run of this model.",
          details: { node: node.name, op: node.opType, domain, opset: ctx.opset },
        },
      );
    }
    const values = lowering(ctx);
    if (!host) return values;
    return values.map((value, i) => value && withElements(value, () => host.later()?.[i]));
  }
}

const withElements = (value: Value, derive: () => HostTensor | undefined): Value => ({ ...value, derive });

/** The nodes that the wanted values depend on, in file order. */
function neededNodes(graph: OnnxGraph, wanted: readonly string[]): readonly OnnxNode[] {
  const needed = new Set(wanted);
  const nodes: OnnxNode[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((output) => needed.has(output))) continue;
    nodes.push(node);
    for (const input of node.inputs) needed.add(input);
    for (const { value } of node.attributes) {
      const graphs = value.type === "graph" ? [value.value] : value.type === "graphs" ? value.value : [];
      for (const inner of graphs) for (const name of capturedNames(inner)) needed.add(name);
    }
  }
  return nodes.toReversed();
}

function countUses(graph: OnnxGraph, wanted: readonly string[]): ReadonlyMap<string, number> {
  const uses = new Map<string, number>();
  const inner = graph.nodes.flatMap(({ attributes }) =>
    attributes.flatMap(({ value }) => (value.type === "graph" ? capturedNames(value.value) : [])),
  );
  for (const name of [...wanted, ...graph.nodes.flatMap(({ inputs }) => inputs), ...inner]) {
    uses.set(name, (uses.get(name) ?? 0) + 1);
  }
  return uses;
}

/** Uses of a name where it is defined; a name of an outer graph counts as used more than once. */
const usesOf = (scope: Scope, name: string): number => (scope.values.has(name) ? (scope.uses.get(name) ?? 0) : 2);

/** All names that a sub-graph reads, its own among them. */
function capturedNames(graph: OnnxGraph): readonly string[] {
  return [
    ...graph.outputs.map(({ name }) => name),
    ...graph.nodes.flatMap((node) => [
      ...node.inputs,
      ...node.attributes.flatMap(({ value }) => (value.type === "graph" ? capturedNames(value.value) : [])),
    ]),
  ];
}
