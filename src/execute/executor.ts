// Runs an ONNX model's graph on a backend: checks the inputs, lowers and plans once per set of shapes, and keeps
// the compiled sessions. The public face of the executor.
import { UnsupportedError, UsageError } from "../base/errors.ts";
import { onnxTypeName } from "../formats/onnx/dtypes.ts";
import type { OnnxModel, OnnxTensor, ValueInfo } from "../formats/onnx/ir.ts";
import { planForward, type ForwardPlan } from "../graph/forward-plan.ts";
import type { LoweringHooks } from "../graph/hooks.ts";
import { lowerGraph } from "../graph/lower.ts";
import type { Observation } from "../graph/observe.ts";
import type { FakeQuantRule } from "../methods/fake-quant/rules.ts";
import { sizeOf, wordTypeOf, type HostTensor } from "../graph/values.ts";
import type { Backend } from "../run/backend.ts";
import { readSmallConstants } from "./constants.ts";
import { ForwardSession } from "./forward-session.ts";

/** A tensor that goes into a graph: elements as plain numbers in C order. */
export interface GraphInput {
  readonly dims: readonly number[];
  readonly data: ArrayLike<number>;
}

/** A tensor that comes out: elements as plain numbers in C order, with the type that the graph gives them. */
export interface GraphOutput {
  /** As ONNX names it: "FLOAT", "INT64" … */
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: Float64Array;
}

export interface ExecutorOptions {
  /** Values of the main graph to give; the graph's outputs where absent. */
  readonly outputs?: readonly string[];
  /** Gives statistics of values in place of values; see `calibrate`. */
  readonly observe?: Observation;
  /**
   * What changes or reads values while the graph is lowered, each after the one before it; made anew for each lowering,
   * since a hook gathers what belongs to one program. Extra outputs come with the graph's own.
   */
  readonly hooks?: () => readonly LoweringHooks[];
  /** Simulates tensors in other formats on the way; see FakeQuantRule. */
  readonly fakeQuant?: readonly FakeQuantRule[];
  /**
   * Looks for NaN and infinities in every value of each run, and names the first node that makes them. Nothing is fused
   * then.
   */
  readonly checkFinite?: boolean;
  /** Sets of input shapes whose plans and device memory are kept; default 4. */
  readonly cachedPlans?: number;
  readonly signal?: AbortSignal;
}

interface Cached {
  readonly key: string;
  readonly assumed: ReadonlyMap<string, HostTensor>;
  readonly session: ForwardSession;
  readonly hooks: Hooks;
}

/** The caller's hooks, and those that options stand for; their code is loaded when it is asked for. */
async function allHooks(
  model: OnnxModel,
  backend: Backend,
  { hooks, checkFinite, fakeQuant = [] }: ExecutorOptions,
): Promise<() => readonly LoweringHooks[]> {
  const check = checkFinite ? (await import("./check-finite.ts")).FiniteCheck : undefined;
  const simulate =
    fakeQuant.length > 0
      ? (await import("../methods/fake-quant/hooks.ts")).fakeQuantHooks(model, fakeQuant, backend.profile)
      : undefined;
  return () => [...(check ? [new check()] : []), ...(simulate ? [simulate()] : []), ...(hooks?.() ?? [])];
}

/** The hooks of one program. Outputs of those that inspect stay hidden. */
class Hooks {
  readonly all: readonly LoweringHooks[];
  readonly hidden = new Set<string>();

  constructor(hooks: readonly LoweringHooks[]) {
    this.all = hooks.map((hook) => {
      if (!hook.inspect || !hook.outputs) return hook;
      return {
        value: (b, value, at) => hook.value?.(b, value, at),
        outputs: (b) => {
          const made = hook.outputs?.(b) ?? [];
          for (const { name } of made) this.hidden.add(name);
          return made;
        },
        inspect: (read) => hook.inspect?.(read),
      };
    });
  }
}

export class Executor {
  readonly #model: OnnxModel;
  readonly #backend: Backend;
  readonly #constants: ReadonlyMap<OnnxTensor, HostTensor>;
  readonly #options: ExecutorOptions;
  /** Used last, last. */
  #cache: Cached[] = [];

  private constructor(
    model: OnnxModel,
    backend: Backend,
    constants: ReadonlyMap<OnnxTensor, HostTensor>,
    options: ExecutorOptions,
  ) {
    this.#model = model;
    this.#backend = backend;
    this.#constants = constants;
    this.#options = options;
  }

  /**
   * Reads small constants; weights stay in the file until the first run.
   * @throws UsageError for a rule of `fakeQuant` that matches nothing or contradicts itself; IoError, FormatError,
   *   AbortedError
   */
  static async create(model: OnnxModel, backend: Backend, options: ExecutorOptions = {}): Promise<Executor> {
    const hooks = await allHooks(model, backend, options);
    return new Executor(model, backend, await readSmallConstants(model, options.signal), { ...options, hooks });
  }

  /** The inputs that a run must be given. */
  get inputs(): readonly ValueInfo[] {
    const initializers = new Set(this.#model.graph.initializers.map(({ name }) => name));
    return this.#model.graph.inputs.filter(({ name }) => !initializers.has(name));
  }

  /**
   * The plan for inputs of given shapes, as a run would use it.
   * @throws as `run`
   */
  plan(inputs: Readonly<Record<string, GraphInput>>): ForwardPlan {
    return this.#lower(this.#checked(inputs)).plan;
  }

  /**
   * Runs the graph once.
   * @throws UsageError for missing, unknown or misshapen inputs; UnsupportedError naming the node for what can't be
   *   run; FormatError for a graph that contradicts itself; UsageError for a rule of `fakeQuant` that does not fit its
   *   tensor; NonFiniteError with `checkFinite`, and for a simulated tensor that is not finite; GpuError, OutOfMemoryError, DeviceLostError
   */
  async run(inputs: Readonly<Record<string, GraphInput>>): Promise<Readonly<Record<string, GraphOutput>>> {
    const tensors = this.#checked(inputs);
    const { session, hooks } = await this.#session(tensors);
    const ordered = session.plan.inputs.flatMap(({ name }) => tensors.get(name) ?? []);
    const outputs = await session.run(ordered);
    const named = new Map(session.plan.outputs.map(({ name }, i) => [name, outputs[i]]));
    for (const hook of hooks.all) hook.inspect?.((name) => named.get(name));
    return Object.fromEntries(
      session.plan.outputs
        .filter(({ name }) => !hooks.hidden.has(name))
        .map(({ name, type, dims }) => [
          name,
          { type: onnxTypeName(type), dims, data: named.get(name)?.data ?? new Float64Array() },
        ]),
    );
  }

  dispose(): void {
    for (const { session } of this.#cache) session.dispose();
    this.#cache = [];
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  async #session(tensors: ReadonlyMap<string, HostTensor>): Promise<Cached> {
    const key = JSON.stringify([...tensors].map(([name, { dims }]) => [name, dims]));
    const found = this.#cache.find((each) => each.key === key && holds(each.assumed, tensors));
    if (found) {
      this.#cache = [...this.#cache.filter((each) => each !== found), found];
      return found;
    }
    const { plan, ...lowered } = this.#lower(tensors);
    while (this.#cache.length >= (this.#options.cachedPlans ?? 4)) this.#cache.shift()?.session.dispose();
    const made = { key, ...lowered, session: await ForwardSession.open(plan, this.#backend, this.#options.signal) };
    this.#cache.push(made);
    return made;
  }

  #lower(tensors: ReadonlyMap<string, HostTensor>): Pick<Cached, "assumed" | "hooks"> & { readonly plan: ForwardPlan } {
    const { outputs, observe } = this.#options;
    const hooks = new Hooks(this.#options.hooks?.() ?? []);
    const program = lowerGraph(this.#model, {
      target: this.#backend.profile,
      dims: new Map([...tensors].map(([name, { dims }]) => [name, dims])),
      readInput: (name) => tensors.get(name),
      constants: this.#constants,
      ...(outputs ? { outputs } : {}),
      ...(observe ? { observe } : {}),
      hooks: hooks.all,
    });
    return { plan: planForward(program, this.#backend.profile), assumed: program.assumed, hooks };
  }

  /** Inputs held against what the graph declares. */
  #checked(given: Readonly<Record<string, GraphInput>>): ReadonlyMap<string, HostTensor> {
    const declared = this.#model.graph.inputs;
    const known = declared.map(({ name }) => name).join(", ");
    for (const name of Object.keys(given)) {
      if (declared.some((each) => each.name === name)) continue;
      throw new UsageError(`The graph has no input "${name}".`, {
        hint: `Its inputs are ${known}.`,
        details: { name },
      });
    }
    const symbols = new Map<string, number>();
    const tensors = new Map<string, HostTensor>();
    const optional = new Set(this.#model.graph.initializers.map(({ name }) => name));
    for (const { name, tensor } of declared) {
      const input = given[name];
      if (!input && optional.has(name)) continue;
      if (!tensor) throw new UnsupportedError(`Input "${name}" is no tensor.`, { details: { name } });
      // Refuses types that have no device word.
      wordTypeOf(tensor.dataType);
      if (!input) throw new UsageError(`Input "${name}" is missing.`, { hint: `The graph takes ${known}.` });
      checkShape(name, input, tensor.dims, symbols);
      tensors.set(name, { type: tensor.dataType, dims: input.dims, data: Float64Array.from(input.data) });
    }
    return tensors;
  }
}

const shown = (of: readonly (number | string | undefined)[]): string => `[${of.map((dim) => dim ?? "?").join(", ")}]`;

function checkShape(
  name: string,
  { dims, data }: GraphInput,
  declared: readonly (number | string | undefined)[] | undefined,
  symbols: Map<string, number>,
): void {
  const refuse = (what: string): never => {
    throw new UsageError(`Input "${name}" ${what}`, {
      ...(declared ? { hint: `The graph declares it as ${shown(declared)}.` } : {}),
      details: { name, dims: dims.join("x") },
    });
  };
  if (dims.some((dim) => !Number.isInteger(dim) || dim < 0 || dim > 2 ** 31)) refuse(`has the shape ${shown(dims)}.`);
  if (sizeOf(dims) !== data.length) refuse(`has ${data.length} elements and the shape ${shown(dims)}.`);
  if (!declared) return;
  if (declared.length !== dims.length) refuse(`has rank ${dims.length}, not ${declared.length}.`);
  for (const [i, dim] of declared.entries()) {
    const own = dims[i] ?? 0;
    if (typeof dim === "number" && dim !== own) refuse(`has ${own} along axis ${i}, not ${dim}.`);
    if (typeof dim !== "string") continue;
    const bound = symbols.get(dim);
    if (bound !== undefined && bound !== own) refuse(`has ${own} along "${dim}", which another input makes ${bound}.`);
    symbols.set(dim, own);
  }
}

/** Whether a program that assumed some inputs' elements holds for these. */
function holds(assumed: ReadonlyMap<string, HostTensor>, tensors: ReadonlyMap<string, HostTensor>): boolean {
  return [...assumed].every(([name, { data }]) => {
    const given = tensors.get(name)?.data;
    return given?.length === data.length && data.every((value, i) => Object.is(value, given[i]));
  });
}
