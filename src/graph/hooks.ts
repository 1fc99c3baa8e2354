// Where others may take part in the lowering of a graph: change any of its values on the way (simulated
// quantization), or measure them (observers, searches for NaN). The lowering calls; the hooks emit steps.
import { InternalError } from "../base/errors.ts";
import type { OnnxNode } from "../formats/onnx/ir.ts";
import type { GraphBuilder } from "./builder.ts";
import type { HostTensor, Value } from "./values.ts";

/** Where a value is met. */
export interface HookPoint {
  /** Its name in the graph, or in the sub-graph that is laid out. */
  readonly tensor: string;
  /**
   * `input`: a graph input. `output`: what a node gives, constant or not. `weight`: a constant as a node takes it, once
   * for each node that does. `operand`: any other value as a node takes it; a change is for that node alone. Bodies of
   * loops are met once a turn.
   */
  readonly role: "input" | "output" | "weight" | "operand";
  /** The node that gives an output, or takes a weight or an operand. */
  readonly node?: OnnxNode;
  /** Which of the node's inputs or outputs it is; 0 for graph inputs. */
  readonly index: number;
}

/** A result beside the graph's outputs. */
export interface HookOutput {
  readonly name: string;
  readonly value: Value;
}

export interface LoweringHooks {
  /**
   * Called for graph inputs, for every output of a node that is lowered, and for constants as nodes take them, in
   * order. What it returns stands in the value's place, with the same dims and type; the value itself where it was only
   * read. Undefined says that the hook leaves the value alone, so that steps behind it may be fused with its own.
   */
  value?(b: GraphBuilder, value: Value, at: HookPoint): Value | undefined;
  /** Called at the end: values to give besides the graph's outputs. What they depend on is not dropped. */
  outputs?(b: GraphBuilder): readonly HookOutput[];
  /**
   * Called after each run, before its outputs are given out, with the elements of any output by name. Throws what is
   * wrong with them. The outputs of a hook that inspects are for it alone.
   */
  inspect?(read: (name: string) => HostTensor | undefined): void;
}

/**
 * The value after all hooks, in order. A value that a hook has taken can't be fused with what follows: the hook is one
 * of its readers.
 */
export function throughHooks(hooks: readonly LoweringHooks[], b: GraphBuilder, value: Value, at: HookPoint): Value {
  let now = value;
  for (const hook of hooks) {
    const next = hook.value?.(b, now, at);
    if (!next) continue;
    if (next.type !== now.type || next.dims.length !== now.dims.length || next.dims.some((d, i) => d !== now.dims[i])) {
      throw new InternalError(`A hook gave [${next.dims.join()}] for "${at.tensor}", which is [${now.dims.join()}].`);
    }
    const { fusion: _, ...whole } = next;
    now = { ...whole, name: now.name };
  }
  return now;
}
