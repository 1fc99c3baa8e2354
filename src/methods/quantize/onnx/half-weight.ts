// One weight as f16 in a model that else keeps its types: a Cast restores the type that the weight's readers see.
import { storedHolder } from "../../../model/scopes.ts";
import type { Weight } from "../../../model/weights.ts";
import { castOnDevice } from "./half-constants.ts";
import { node, type Rewrite, type RewriteContext } from "./rewrite.ts";

/** Rewrites one weight, whatever uses it. */
export function rewriteHalfWeight(context: RewriteContext, weight: Weight): Rewrite {
  const { name, path, held, tensor } = weight.holder;
  const fresh = context.names.fresh(`${storedHolder(weight.holder).name}_f16`);
  const { half, packed } = castOnDevice(tensor, fresh, context.sourceKey(weight));
  const cast = node("Cast", context.names.fresh(`${fresh}_cast`), [fresh], [name], { to: BigInt(weight.dataType) });
  return {
    packed: [packed],
    edits: [
      { kind: "dropConstant", holder: weight.holder },
      { kind: "addInitializers", path, tensors: [half] },
      { kind: "insertNodes", path, before: held.as === "initializer" ? 0 : held.node, nodes: [cast] },
    ],
    // Casts name their type by number from version 6 on.
    requires: { opset: 6 },
    op: "Cast",
  };
}
