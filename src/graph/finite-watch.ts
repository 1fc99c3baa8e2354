// Watches values of a program for NaN and infinities: counts them on the device in each run, beside the outputs.
import { OnnxType } from "../formats/onnx/ir.ts";
import { countNonFiniteCall, lanesFor, wordsPerLane } from "../kernels/nn/count-non-finite.ts";
import type { GraphBuilder } from "./builder.ts";
import type { HookOutput } from "./hooks.ts";
import { sizeOf, type HostTensor, type Value } from "./values.ts";

export interface NonFinite {
  readonly nan: number;
  readonly infinite: number;
  /** Index of the first of either in C order; undefined where there is none. */
  readonly first?: number;
}

export class FiniteWatch {
  readonly #prefix: string;
  readonly #outputs: HookOutput[] = [];

  /** @param prefix keeps the names of several watches apart */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** Watches a float value that is not empty; gives the name under which a run finds its counts. */
  watch(b: GraphBuilder, value: Value): string {
    const name = `${this.#prefix}${this.#outputs.length}`;
    const count = sizeOf(value.dims);
    const found = b.temp(OnnxType.UINT32, [lanesFor(count), wordsPerLane]);
    b.emit(countNonFiniteCall(count), [value, found]);
    this.#outputs.push({ name, value: found });
    return name;
  }

  outputs(): readonly HookOutput[] {
    return this.#outputs;
  }
}

const none = 2 ** 32 - 1;

/** The counts of all lanes together. */
export function foldNonFinite(found: HostTensor | undefined): NonFinite {
  let [nan, infinite, first] = [0, 0, none];
  const data = found?.data ?? [];
  for (let at = 0; at < data.length; at += wordsPerLane) {
    nan += data[at] ?? 0;
    infinite += data[at + 1] ?? 0;
    first = Math.min(first, data[at + 2] ?? none);
  }
  return { nan, infinite, ...(first === none ? {} : { first }) };
}

/** The same of elements that are known on the host. */
export function countNonFinite({ data }: HostTensor): NonFinite {
  let [nan, infinite] = [0, 0];
  for (const value of data) {
    if (Number.isNaN(value)) nan++;
    else if (!Number.isFinite(value)) infinite++;
  }
  const first = data.findIndex((value) => !Number.isFinite(value));
  return { nan, infinite, ...(first < 0 ? {} : { first }) };
}

/** Coordinates of an element, for messages. */
export function coordinatesOf(index: number, dims: readonly number[]): string {
  let rest = index;
  const coordinates = dims.toReversed().map((dim) => {
    const at = rest % dim;
    rest = Math.floor(rest / dim);
    return at;
  });
  return `[${coordinates.toReversed().join(", ")}]`;
}
