// Graphs and values during the conversion to f16: a value's type in the model as given, and its name in each float
// type; what a graph is to the model around it.
import { UnsupportedError } from "../../../base/errors.ts";
import { OnnxType, type OnnxModel, type OnnxNode, type OnnxTensor } from "../../../formats/onnx/ir.ts";
import type { Types } from "../../../model/element-types.ts";

export interface Value {
  /** Element type in the model as given, where packed weights may already come out as f16. */
  readonly type: number | undefined;
  readonly constant?: {
    readonly tensor: OnnxTensor;
    readonly home: GraphState;
    /** Its name, for reports. */ readonly called: string;
  };
  /** A bf16 constant: behind a Cast to f32 it is one of the constants above. */
  readonly bfloat?: OnnxTensor;
  /** Names of this value in each float type. */
  full?: string;
  half?: string;
}

export interface GraphState {
  readonly parent: GraphState | undefined;
  readonly values: Map<string, Value>;
  /** Casts made in this graph, by target type and name, so that each is made once. */
  readonly casts: Map<string, string>;
  readonly nodes: OnnxNode[];
  readonly constants: OnnxTensor[];
  readonly keepAll: boolean;
}

export const isFloat = (type: number | undefined): boolean => type === OnnxType.FLOAT || type === OnnxType.FLOAT16;

/** A value of the model as given, under its own name. */
export const given = (type: number | undefined, name: string): Value =>
  type === OnnxType.FLOAT16 ? { type, half: name } : { type, full: name };

/** What a name means in a graph: its own value or an outer one. */
export function findValue(state: GraphState, name: string): Value | undefined {
  for (let at: GraphState | undefined = state; at; at = at.parent) {
    const value = at.values.get(name);
    if (value) return value;
  }
  return undefined;
}

/** What a graph is to the model around it. */
export interface GraphRole {
  readonly parent?: GraphState;
  /** All operators stay in f32. */
  readonly keepAll: boolean;
  /** Float outputs become f16 (branches of an If); else they stay f32. */
  readonly halfOutputs: boolean;
  /** Types of the inputs that do not say their own. */
  readonly inputTypes?: Types;
  /** Initializers that are no constants. */
  readonly fed?: ReadonlySet<string>;
}

/** Casts name their type by number from here on. */
const oldestOpset = 6;

/** @throws UnsupportedError for a model below operator set 6 */
export function requireCasts(model: OnnxModel): void {
  const opset = model.opsets.find(({ domain }) => domain === "")?.version ?? oldestOpset;
  if (opset < oldestOpset) {
    throw new UnsupportedError(`Operator set ${opset} is older than ${oldestOpset} and has no casts to f16.`, {
      hint: "Export the model again at a newer operator set.",
      details: { opset },
    });
  }
}
