// Works out on the host what follows from shapes and small constants, so that shape arithmetic never reaches the
// device. Values are plain numbers; results of f32 arithmetic are rounded to f32.
import { OnnxType } from "../../formats/onnx/ir.ts";
import type { NodeContext } from "../node-context.ts";
import { forEachPosition, viewRules } from "../ops/views.ts";
import { intTensor, isFloatType, sizeOf, type HostTensor, type Value } from "../values.ts";
import { hostRules } from "./rules.ts";

export interface HostResult {
  /** Outputs known without any input data. */
  readonly now?: readonly Value[];
  /** Outputs that follow from graph inputs, worked out when asked for. */
  readonly later: () => readonly HostTensor[] | undefined;
}

/** Larger tensors are left to the device. */
const mostElements = 65_536;

/** What the host can say about a node; undefined where it can say nothing. */
export function evaluateOnHost(ctx: NodeContext): HostResult | undefined {
  const { opType, domain } = ctx.node;
  if (domain !== "" && domain !== "ai.onnx") return undefined;
  if (opType === "Shape" || opType === "Size") {
    const found = [opType === "Shape" ? shapeOf(ctx) : intTensor([sizeOf(ctx.input(0).dims)], [])];
    return { now: found.map((host) => ctx.b.known(host)), later: () => found };
  }
  const isView = Object.hasOwn(viewRules, opType);
  const rule = Object.hasOwn(hostRules, opType) ? hostRules[opType] : undefined;
  if (!isView && !rule) return undefined;
  const inputs = isView ? [ctx.input(0)] : ctx.inputs();
  if (inputs.some(({ dims, host, derive }) => sizeOf(dims) > mostElements || (!host && !derive))) return undefined;
  const evaluate = (hosts: readonly HostTensor[]): readonly HostTensor[] | undefined => {
    const [first] = hosts;
    const found = isView && first ? applyViews(ctx, first) : rule?.(ctx, hosts);
    return found?.map(rounded);
  };
  const given = inputs.flatMap(({ host }) => (host ? [host] : []));
  if (given.length === inputs.length) {
    const found = evaluate(given);
    return found && { now: found.map((host) => ctx.b.known(host)), later: () => found };
  }
  let cached: readonly HostTensor[] | undefined;
  return {
    later: () => {
      if (cached) return cached;
      const hosts = inputs.flatMap((value) => ctx.b.hostOf(value) ?? []);
      if (hosts.length === inputs.length) cached = evaluate(hosts);
      return cached;
    },
  };
}

function shapeOf(ctx: NodeContext): HostTensor {
  const { dims } = ctx.input(0);
  return intTensor(dims.slice(ctx.int("start", 0), ctx.int("end", dims.length)));
}

function applyViews(ctx: NodeContext, source: HostTensor): readonly HostTensor[] {
  return (viewRules[ctx.node.opType]?.(ctx) ?? []).map((view) => {
    const data = new Float64Array(sizeOf(view.dims));
    forEachPosition(view, (position, at) => (data[at] = source.data[position] ?? 0));
    return { type: source.type, dims: view.dims, data };
  });
}

/** As the type would hold it: f32 rounded, except doubles. */
const rounded = (tensor: HostTensor): HostTensor =>
  isFloatType(tensor.type) && tensor.type !== OnnxType.DOUBLE
    ? { ...tensor, data: tensor.data.map(Math.fround) }
    : tensor;
