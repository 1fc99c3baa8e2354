// Activation functions in the forms that exporters give them: one operator where the operator set has it, or the
// primitives that stand for it in older files.
import type { GraphBuilder, Value } from "./graph-builder.ts";
import { clip, mapped } from "./operators.ts";

export type Activation = (b: GraphBuilder, x: Value) => Value;

const logistic = (x: number): number => 1 / (1 + Math.exp(-x));
const hardLogistic = (x: number): number => Math.min(Math.max(x / 6 + 0.5, 0), 1);
const tanhGelu = (x: number): number => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

export const relu: Activation = (b, x) => mapped(x, b.node("Relu", [x]), (v) => Math.max(v, 0));
export const tanh: Activation = (b, x) => mapped(x, b.node("Tanh", [x]), Math.tanh);
export const sigmoid: Activation = (b, x) => mapped(x, b.node("Sigmoid", [x]), logistic);

export const relu6: Activation = (b, x) => mapped(x, clip(b, x, 0, 6), (v) => Math.min(Math.max(v, 0), 6));

/** "primitive": Add 3, Clip to 0 … 6, Div by 6. */
export const hardSigmoid =
  (form: "op" | "primitive"): Activation =>
  (b, x) => {
    const gate = (): string =>
      form === "op"
        ? b.node("HardSigmoid", [x], { alpha: 1 / 6, beta: 0.5 })
        : b.node("Div", [clip(b, b.node("Add", [x, b.float(3)]), 0, 6), b.float(6)]);
    return mapped(x, gate(), hardLogistic);
  };

/** "gated": x times HardSigmoid of x; "primitive": Add 3, Clip to 0 … 6, Mul by x, Div by 6. */
export const hardSwish =
  (form: "op" | "gated" | "primitive"): Activation =>
  (b, x) => {
    const product = (): string => {
      if (form === "op") return b.node("HardSwish", [x]);
      if (form === "gated") return b.node("Mul", [x, hardSigmoid("op")(b, x)]);
      const sixfold = b.node("Mul", [x, clip(b, b.node("Add", [x, b.float(3)]), 0, 6)]);
      return b.node("Div", [sixfold, b.float(6)]);
    };
    return mapped(x, product(), (v) => v * hardLogistic(v));
  };

export const silu: Activation = (b, x) => mapped(x, b.node("Mul", [x, b.node("Sigmoid", [x])]), (v) => v * logistic(v));

/** "op" needs operator set 20; "erf" is the exact form in primitives, "tanh" the approximation of GPT-2. */
export const gelu =
  (form: "op" | "erf" | "tanh"): Activation =>
  (b, x) => {
    const exact = (): string => {
      const erf = b.node("Erf", [b.node("Div", [x, b.float(Math.SQRT2)])]);
      const product = b.node("Mul", [x, b.node("Add", [erf, b.float(1)])]);
      return b.node("Mul", [product, b.float(0.5)]);
    };
    const approximate = (): string => {
      const cubic = b.node("Mul", [b.float(0.044715), b.node("Pow", [x, b.float(3)])]);
      const inner = b.node("Mul", [b.float(Math.sqrt(2 / Math.PI)), b.node("Add", [x, cubic])]);
      const half = b.node("Mul", [b.float(0.5), x]);
      return b.node("Mul", [half, b.node("Add", [b.float(1), b.node("Tanh", [inner])])]);
    };
    const name = form === "op" ? b.node("Gelu", [x]) : form === "erf" ? exact() : approximate();
    return mapped(x, name, tanhGelu);
  };
