// Simulated quantization as hooks of the lowering: values that rules match go through their formats on the way.
import { NonFiniteError, UsageError } from "../../base/errors.ts";
import type { DeviceProfile } from "../../base/profile.ts";
import type { OnnxModel, OnnxTensor } from "../../formats/onnx/ir.ts";
import type { GraphBuilder } from "../../graph/builder.ts";
import { coordinatesOf, FiniteWatch, foldNonFinite } from "../../graph/finite-watch.ts";
import type { HookOutput, HookPoint, LoweringHooks } from "../../graph/hooks.ts";
import { isFloatType, sizeOf, type HostTensor, type Value } from "../../graph/values.ts";
import type { FakeQuantRule, Setting } from "./rules.ts";
import { simulate } from "./simulate.ts";
import { Targets } from "./targets.ts";

/**
 * Hooks that simulate a model's tensors by rules, made anew for each program.
 * @throws UsageError for a rule that contradicts itself or matches nothing
 */
export function fakeQuantHooks(
  model: OnnxModel,
  rules: readonly FakeQuantRule[],
  profile: DeviceProfile,
): () => LoweringHooks {
  const targets = new Targets(model, rules);
  return () => new Simulation(targets, profile);
}

interface Watched {
  readonly counts: string;
  readonly at: HookPoint;
  readonly dims: readonly number[];
  readonly setting: Setting;
  /** Infinities saturate under given scales. */
  readonly allowInfinite: boolean;
}

class Simulation implements LoweringHooks {
  readonly #targets: Targets;
  readonly #profile: DeviceProfile;
  readonly #watch = new FiniteWatch("fake-quant:");
  readonly #watched: Watched[] = [];
  /** By rule and source, so that what several nodes take is simulated once. */
  readonly #made = new Map<string, Value>();
  readonly #constants = new Map<OnnxTensor, number>();
  /** By the buffer of what came out: what went in, and the rule. */
  readonly #sources = new Map<number, { readonly value: Value; readonly index: number }>();
  readonly #unfit = new Map<number, HookPoint>();
  readonly #fit = new Set<number>();

  constructor(targets: Targets, profile: DeviceProfile) {
    this.#targets = targets;
    this.#profile = profile;
  }

  value(b: GraphBuilder, value: Value, at: HookPoint): Value | undefined {
    const weight = at.role === "weight" ? this.#targets.weightOf(value.tensor) : undefined;
    const constant = value.host !== undefined || b.isConstant(value);
    const setting =
      at.role === "weight"
        ? this.#targets.forConstant(at, weight)
        : at.role === "operand"
          ? constant
            ? undefined
            : this.#targets.forOperand(at)
          : this.#targets.forTensor(at, constant);
    if (!setting) return undefined;
    if (!isFloatType(value.type)) {
      this.#unfit.set(setting.index, at);
      return undefined;
    }
    this.#fit.add(setting.index);
    const before = value.buffer === undefined ? undefined : this.#sources.get(value.buffer);
    const { format } = setting;
    if (at.role === "operand" && before) {
      // The later rule decides, about the value as it was.
      if (before.index >= setting.index) return undefined;
      const source = { ...before.value, dims: value.dims };
      return format ? this.#simulated(b, source, { ...setting, format }, at) : source;
    }
    // The same elements in other dims are simulated already.
    if (!format || before?.index === setting.index) return undefined;
    return this.#simulated(b, value, { ...setting, format }, at, weight);
  }

  outputs(): readonly HookOutput[] {
    for (const [index, { tensor }] of this.#unfit) {
      const setting = this.#targets.settings[index];
      if (!setting?.format || this.#fit.has(index)) continue;
      throw new UsageError(
        `Rule "${setting.rule.pattern}=${setting.rule.format}" matches "${tensor}", which holds no floats.`,
        {
          hint: "Only float tensors can be simulated in another format.",
          details: { pattern: setting.rule.pattern, tensor },
        },
      );
    }
    return this.#watch.outputs();
  }

  inspect(read: (name: string) => HostTensor | undefined): void {
    for (const { counts, at, dims, setting, allowInfinite } of this.#watched) {
      const { nan, infinite, first = 0 } = foldNonFinite(read(counts));
      if (nan === 0 && (infinite === 0 || allowInfinite)) continue;
      const { tensor, node } = at;
      const of = node ? ` of ${node.opType} "${node.name || tensor}"` : "";
      throw new NonFiniteError(
        `"${tensor}"${of} holds ${nan} NaN and ${infinite} infinite elements, the first at ${coordinatesOf(first, dims)}; it can't be simulated as ${setting.rule.format}.`,
        {
          hint: "Run with checkFinite (--check-finite) to find the node where they arise, or skip this tensor by a rule.",
          details: {
            tensor,
            ...(node ? { node: node.name, op: node.opType } : {}),
            count: nan + infinite,
            firstIndex: first,
          },
        },
      );
    }
  }

  #simulated(
    b: GraphBuilder,
    value: Value,
    setting: Parameters<typeof simulate>[3],
    at: HookPoint,
    weight?: Parameters<typeof simulate>[4]["weight"],
  ): Value | undefined {
    if (sizeOf(value.dims) === 0) return undefined;
    const key = `${setting.index} ${this.#identityOf(b, value)} ${value.dims.join()}`;
    const found = this.#made.get(key);
    if (found) return found;
    const { format } = setting;
    if (format.kind === "affine" || format.encoding.kind !== "cast") {
      const counts = this.#watch.watch(b, value);
      const allowInfinite = format.kind === "affine" && setting.scale !== undefined;
      this.#watched.push({ counts, at, dims: value.dims, setting, allowInfinite });
    }
    const made = simulate(b, this.#profile, value, setting, { name: at.tensor, dims: value.dims, weight });
    this.#made.set(key, made);
    if (made.buffer !== undefined) this.#sources.set(made.buffer, { value, index: setting.index });
    return made;
  }

  /** The device buffer that a value lies in; constants have one of their own. */
  #identityOf(b: GraphBuilder, value: Value): number {
    const { tensor } = value;
    if (!tensor) return b.onDevice(value);
    const known = this.#constants.get(tensor) ?? b.onDevice(value);
    this.#constants.set(tensor, known);
    return known;
  }
}
