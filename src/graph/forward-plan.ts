// Turns a lowered graph into a plan for a device: what is computed once from constants, what each run computes,
// and which buffers share memory. Pure data; it prints, and holds for one set of input shapes.
import { UnsupportedError } from "../base/errors.ts";
import type { AdapterClass, DeviceProfile } from "../base/profile.ts";
import { formatBytes } from "../base/size.ts";
import type { SlotSize } from "../base/slot.ts";
import { graphKernelSpecs } from "../kernels/graph-registry.ts";
import type { KernelCall } from "../kernels/kernel.ts";
import { estimateSeconds } from "../plan/cost.ts";
import { findLifetimes, lowerBound, type Resource } from "../plan/lifetimes.ts";
import { shareSlots } from "../plan/shared-slots.ts";
import { cutSubmits } from "../plan/submits.ts";
import { paramsStride, type Command } from "../plan/types.ts";
import type { Fill, GraphProgram, ProgramOutput, ProgramStep, ProgramValue } from "./program.ts";

/** Bytes that the host gives or takes, and where they lie on the device. */
export interface Transfer {
  readonly slot: number;
  /** In the staging slot. */
  readonly offset: number;
  readonly bytes: number;
}

export type ForwardOutput = ProgramValue & {
  readonly from: Transfer | Extract<ProgramOutput, { host: unknown }>["host"];
};

/** A constant's way onto the device. */
export interface ConstantFill {
  readonly slot: number;
  readonly bytes: number;
  readonly fill: Exclude<Fill, { kind: "zero" }>;
}

export interface ForwardPlan {
  readonly slots: readonly SlotSize[];
  readonly calls: readonly KernelCall[];
  /** Node of each call, for messages and profiles. */
  readonly nodes: readonly string[];
  readonly prepare: {
    readonly fills: readonly ConstantFill[];
    readonly submits: readonly (readonly Command[])[];
    /** Slots that are needed for the preparation only. */
    readonly temporary: readonly number[];
  };
  readonly run: { readonly submits: readonly (readonly Command[])[] };
  /** Slots that live from preparation on: constants, params, activations, staging. */
  readonly lasting: readonly number[];
  readonly inputs: readonly (ProgramValue & Transfer)[];
  readonly outputs: readonly ForwardOutput[];
  /** Absent where nothing is uploaded or read back. */
  readonly uploadSlot?: number;
  readonly readbackSlot?: number;
  readonly uniformSlot?: number;
  readonly constantBytes: number;
  readonly activationBytes: number;
  /** The largest sum of activations alive at once: no plan in this order can do with less. */
  readonly lowerBoundBytes: number;
  /** Bytes on the device during runs, staging included. */
  readonly peakDeviceBytes: number;
  readonly dispatches: number;
  readonly estimatedSeconds: number;
}

const align = (bytes: number, to: number): number => Math.ceil(bytes / to) * to;

/** @throws UnsupportedError for a tensor that no binding of the device holds */
export function planForward(program: GraphProgram, profile: DeviceProfile): ForwardPlan {
  return new ForwardPlanner(program, profile).plan();
}

class ForwardPlanner {
  readonly #program: GraphProgram;
  readonly #profile: DeviceProfile;
  readonly #slots: SlotSize[] = [];
  readonly #slotOf = new Map<number, number>();
  readonly #calls: KernelCall[] = [];
  readonly #nodes: string[] = [];

  constructor(program: GraphProgram, profile: DeviceProfile) {
    this.#program = program;
    this.#profile = profile;
  }

  plan(): ForwardPlan {
    const { inputs, outputs } = this.#program;
    const { prepare, run } = this.#neededSteps();
    const read = new Set([...run.flatMap(({ bindings }) => bindings), ...outputBuffers(outputs)]);
    const isConstant = (buffer: number): boolean => this.#program.buffers[buffer]?.constant === true;
    const touched = new Set(prepare.flatMap(({ bindings }) => bindings));
    // Constants that runs read stay; what only leads to them goes after the preparation.
    const kept = [...read].filter(isConstant);
    for (const buffer of kept) this.#own(buffer);
    const filled = this.#program.fills.flatMap((fill) => (fill.kind === "zero" ? [] : [fill.buffer]));
    const passing = [...touched].filter((buffer) => !this.#slotOf.has(buffer));
    const temporary = this.#colour(prepare, passing, filled, []);
    const boundary = [...inputs.map(({ buffer }) => buffer), ...outputBuffers(outputs)].filter((b) => !isConstant(b));
    const live = [...new Set([...run.flatMap(({ bindings }) => bindings), ...boundary])];
    const inputBuffers = inputs.map(({ buffer }) => buffer);
    const moving = live.filter((buffer) => !isConstant(buffer));
    const shared = this.#colour(run, moving, inputBuffers, outputBuffers(outputs));

    const uploads = staged(inputs);
    const device = outputs.flatMap((output) => ("buffer" in output ? [output] : []));
    const downloads = staged(device);
    const uploadSlot = uploads.bytes > 0 ? this.#add("upload", uploads.bytes) : undefined;
    const readbackSlot = downloads.bytes > 0 ? this.#add("readback", downloads.bytes) : undefined;
    const uniformSlot =
      prepare.length + run.length > 0 ? this.#add("uniform", (prepare.length + run.length) * paramsStride) : undefined;

    const prepareCommands = this.#commands(prepare, uniformSlot ?? 0);
    const runCommands = this.#commands(run, uniformSlot ?? 0);
    const copiesIn: Command[] = uploads.items.map(({ buffer, offset, bytes }) => ({
      kind: "copy",
      from: uploadSlot ?? 0,
      fromOffset: offset,
      to: this.#slot(buffer),
      toOffset: 0,
      bytes,
    }));
    const copiesOut: Command[] = downloads.items.map(({ buffer, offset, bytes }) => ({
      kind: "copy",
      from: this.#slot(buffer),
      fromOffset: 0,
      to: readbackSlot ?? 0,
      toOffset: offset,
      bytes,
    }));
    const fills = this.#program.fills.flatMap((fill): ConstantFill[] =>
      fill.kind !== "zero" && this.#slotOf.has(fill.buffer)
        ? [{ slot: this.#slot(fill.buffer), bytes: this.#program.buffers[fill.buffer]?.bytes ?? 0, fill }]
        : [],
    );
    const gone = new Set(temporary.slots);
    const lasting = [...this.#slots.keys()].filter((slot) => !gone.has(slot));
    const bytesOf = (slots: readonly number[]): number =>
      slots.reduce((sum, slot) => sum + (this.#slots[slot]?.bytes ?? 0), 0);
    const byDownload = new Map(downloads.items.map((item) => [item.name, item]));
    return {
      slots: this.#slots,
      calls: this.#calls,
      nodes: this.#nodes,
      prepare: { fills, submits: this.#submits(prepareCommands), temporary: temporary.slots },
      run: { submits: this.#submits([...copiesIn, ...runCommands, ...copiesOut]) },
      lasting,
      inputs: uploads.items.map(({ name, type, dims, buffer, offset, bytes }) => ({
        name,
        type,
        dims,
        slot: this.#slot(buffer),
        offset,
        bytes,
      })),
      outputs: outputs.map((output): ForwardOutput => {
        const { name, type, dims } = output;
        if ("host" in output) return { name, type, dims, from: output.host };
        const { offset = 0, bytes = 0 } = byDownload.get(name) ?? {};
        return { name, type, dims, from: { slot: this.#slot(output.buffer), offset, bytes } };
      }),
      ...(uploadSlot === undefined ? {} : { uploadSlot }),
      ...(readbackSlot === undefined ? {} : { readbackSlot }),
      ...(uniformSlot === undefined ? {} : { uniformSlot }),
      constantBytes: kept.reduce((sum, buffer) => sum + (this.#program.buffers[buffer]?.bytes ?? 0), 0),
      activationBytes: bytesOf(shared.slots),
      lowerBoundBytes: shared.lowerBoundBytes,
      peakDeviceBytes: Math.max(bytesOf(lasting), bytesOf([...kept.map((b) => this.#slot(b)), ...temporary.slots])),
      dispatches: run.length,
      estimatedSeconds: run.reduce((sum, { call }) => sum + this.#seconds(call), 0),
    };
  }

  /** Steps that outputs depend on, apart by whether they depend on constants alone. */
  #neededSteps(): { readonly prepare: readonly ProgramStep[]; readonly run: readonly ProgramStep[] } {
    const needed = new Set(outputBuffers(this.#program.outputs));
    const kept: ProgramStep[] = [];
    for (const step of this.#program.steps.toReversed()) {
      if (!written(step).some((buffer) => needed.has(buffer))) continue;
      kept.push(step);
      for (const buffer of step.bindings) needed.add(buffer);
    }
    kept.reverse();
    const isConstant = (step: ProgramStep): boolean =>
      written(step).every((buffer) => this.#program.buffers[buffer]?.constant === true);
    return { prepare: kept.filter(isConstant), run: kept.filter((step) => !isConstant(step)) };
  }

  #add(usage: SlotSize["usage"], bytes: number): number {
    return this.#slots.push({ usage, bytes: Math.max(4, align(bytes, 4)) }) - 1;
  }

  /** Gives a buffer a slot of its own. */
  #own(buffer: number): void {
    if (!this.#slotOf.has(buffer)) this.#slotOf.set(buffer, this.#add("storage", this.#bytes(buffer)));
  }

  #bytes(buffer: number): number {
    const { name = "", bytes = 0 } = this.#program.buffers[buffer] ?? {};
    const { maxStorageBufferBindingSize, maxBufferSize } = this.#profile.limits;
    const most = Math.min(maxStorageBufferBindingSize, maxBufferSize);
    if (bytes <= most) return bytes;
    throw new UnsupportedError(
      `"${name}" takes ${formatBytes(bytes)}; this device binds at most ${formatBytes(most)}.`,
      {
        hint: "Use a smaller batch, or an adapter with larger bindings.",
        details: { tensor: name, neededBytes: bytes, availableBytes: most },
      },
    );
  }

  #slot(buffer: number): number {
    return this.#slotOf.get(buffer) ?? 0;
  }

  /** Shares slots among buffers that are alive at different steps. `first` are alive from the start, `last` to the end. */
  #colour(
    steps: readonly ProgramStep[],
    buffers: readonly number[],
    first: readonly number[],
    last: readonly number[],
  ): { readonly slots: readonly number[]; readonly lowerBoundBytes: number } {
    const index = new Map(buffers.map((buffer, i) => [buffer, i]));
    const indices = (of: readonly number[]): number[] => of.flatMap((buffer) => index.get(buffer) ?? []);
    const touches = [indices(first), ...steps.map(({ bindings }) => indices(bindings)), indices(last)];
    const resources = buffers.map((buffer): Resource => ({
      name: this.#program.buffers[buffer]?.name ?? "",
      usage: "storage",
      bytes: this.#bytes(buffer),
    }));
    const lifetimes = findLifetimes(resources, touches);
    const { slots, slotOf } = shareSlots(lifetimes);
    const ids = slots.map(({ usage, bytes }) => this.#add(usage, bytes));
    for (const [resource, slot] of slotOf) {
      const buffer = buffers[resource];
      if (buffer !== undefined) this.#slotOf.set(buffer, ids[slot] ?? 0);
    }
    return { slots: ids, lowerBoundBytes: lowerBound(lifetimes, touches.length).bytes };
  }

  #commands(steps: readonly ProgramStep[], uniform: number): readonly Command[] {
    const zeroed = new Set(this.#program.fills.flatMap((fill) => (fill.kind === "zero" ? [fill.buffer] : [])));
    const commands: Command[] = [];
    for (const { call, bindings, node } of steps) {
      for (const buffer of bindings) {
        if (!zeroed.delete(buffer)) continue;
        commands.push({
          kind: "clear",
          slot: this.#slot(buffer),
          offset: 0,
          bytes: this.#program.buffers[buffer]?.bytes ?? 4,
        });
      }
      const id = this.#calls.push(call) - 1;
      this.#nodes.push(node);
      commands.push({
        kind: "dispatch",
        call: id,
        params: { slot: uniform, offset: id * paramsStride },
        bindings: bindings.map((buffer) => ({
          slot: this.#slot(buffer),
          bytes: this.#program.buffers[buffer]?.bytes ?? 4,
        })),
      });
    }
    return commands;
  }

  #seconds(call: KernelCall): number {
    return estimateSeconds(call, this.#adapterClass);
  }

  get #adapterClass(): AdapterClass {
    return this.#profile.adapterClass;
  }

  #submits(commands: readonly Command[]): readonly (readonly Command[])[] {
    const seconds = commands.map((command) => {
      const call = command.kind === "dispatch" ? this.#calls[command.call] : undefined;
      return call && this.#seconds(call);
    });
    let start = 0;
    return cutSubmits(seconds, new Set(), forwardSubmits).map((end) => {
      const part = commands.slice(start, end);
      start = end;
      return part;
    });
  }
}

/** A forward pass is cut less than a compression run: nobody aborts between layers of a small model. */
const forwardSubmits = { minDispatches: 64, maxDispatches: 512, targetSeconds: 0.1, maxSeconds: 0.4 };

const outputBuffers = (outputs: readonly ProgramOutput[]): number[] =>
  outputs.flatMap((output) => ("buffer" in output ? [output.buffer] : []));

const written = ({ call, bindings }: ProgramStep): number[] =>
  (graphKernelSpecs[call.kernel]?.bindings ?? []).flatMap(({ access }, i) =>
    access === "read_write" ? [bindings[i] ?? -1] : [],
  );

/** Lays values one after the other into a staging buffer. */
function staged<T extends ProgramValue & { readonly buffer: number }>(
  values: readonly T[],
): { readonly items: readonly (T & { offset: number; bytes: number })[]; readonly bytes: number } {
  let at = 0;
  const items: (T & { offset: number; bytes: number })[] = [];
  for (const value of values) {
    const bytes =
      Math.max(
        1,
        value.dims.reduce((product, dim) => product * dim, 1),
      ) * 4;
    items.push({ ...value, offset: at, bytes });
    at += align(bytes, 16);
  }
  return { items, bytes: at };
}
