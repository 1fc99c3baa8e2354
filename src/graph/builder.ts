// Gathers kernel calls while a graph is lowered: allocates buffers, puts values on the device when a kernel first
// needs them, and keeps apart what depends on constants alone.
import { InternalError, UnsupportedError } from "../base/errors.ts";
import type { DeviceProfile } from "../base/profile.ts";
import { OnnxType, type OnnxTensor } from "../formats/onnx/ir.ts";
import type { KernelCall } from "../kernels/kernel.ts";
import { graphKernelSpecs } from "../kernels/graph-registry.ts";
import type { Fill, GraphProgram, ProgramBuffer, ProgramOutput, ProgramStep, ProgramValue } from "./program.ts";
import { bufferBytes, sizeOf, type HostTensor, type Value } from "./values.ts";

export type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Asks for the elements of a graph input; undefined where they are not to be had before the run. */
export type InputReader = (name: string) => HostTensor | undefined;

/** Without limits, a constant is bound whole whatever its size. */
export type LowerTarget = Pick<DeviceProfile, "features" | "adapterClass"> & Partial<Pick<DeviceProfile, "limits">>;

export class GraphBuilder {
  readonly #buffers: Mutable<ProgramBuffer>[] = [];
  readonly #fills: Fill[] = [];
  readonly #steps: ProgramStep[] = [];
  readonly #inputs: (ProgramValue & { readonly buffer: number })[] = [];
  readonly #assumed = new Map<string, HostTensor>();
  readonly #readInput: InputReader;
  /** Device copies of constants and host values, so that each is made once. */
  readonly #placed = new Map<object, number>();
  readonly #packed = new Map<OnnxTensor, Value>();
  #node = "";

  /** What kernels choose their variants by. */
  readonly target: LowerTarget;
  #nothing: Value | undefined;

  /** @param readInput elements of graph inputs, where lowering depends on them */
  constructor(target: LowerTarget, readInput: InputReader) {
    this.target = target;
    this.#readInput = readInput;
  }

  /** Names the node that the following steps belong to. */
  enter(node: string): void {
    this.#node = node;
  }

  /** A graph input that a run will fill. */
  input(name: string, type: number, dims: readonly number[]): Value {
    const buffer = this.#allocate(name, bufferBytes(dims), false);
    this.#inputs.push({ name, type, dims, buffer });
    return { name, type, dims, buffer, derive: () => this.#assume(name, dims) };
  }

  /** A buffer for bindings that a call does not read. */
  none(): Value {
    return (this.#nothing ??= this.scalar(0));
  }

  /** A new tensor on the device, to be written by a step. */
  temp(type: number, dims: readonly number[], name: string = this.#node): Value {
    return { name, type, dims, buffer: this.#allocate(name, bufferBytes(dims), true) };
  }

  /** A value whose elements are known now. */
  known(host: HostTensor, name: string = this.#node): Value {
    return { name, type: host.type, dims: host.dims, host };
  }

  /** Small constants of floats and integers, for kernels that take them as tensors. */
  scalar(value: number, type: number = OnnxType.FLOAT): Value {
    return this.known({ type, dims: [], data: Float64Array.of(value) });
  }

  /** The same elements under other dims; no copy. */
  reshape(value: Value, dims: readonly number[]): Value {
    if (sizeOf(dims) !== sizeOf(value.dims)) {
      throw new InternalError(`${value.name}: [${value.dims.join()}] can't be read as [${dims.join()}].`);
    }
    return changed(value, { dims });
  }

  /** The same words read as another type that lies in the same kind of word. */
  retype(value: Value, type: number): Value {
    return changed(value, { type });
  }

  /** Index of the buffer that holds a value, put there now if it was not yet. */
  onDevice(value: Value): number {
    if (value.buffer !== undefined) return value.buffer;
    const { host, tensor, name, dims } = value;
    const key = host?.data ?? tensor;
    if (!key) throw new InternalError(`Value "${name}" has no elements.`);
    const placed = this.#placed.get(key);
    if (placed !== undefined) return placed;
    const buffer = this.#allocate(name, bufferBytes(dims), true);
    if (host) this.#fills.push({ kind: "host", buffer, value: host });
    else if (tensor) this.#fills.push({ kind: "tensor", buffer, tensor });
    this.#placed.set(key, buffer);
    return buffer;
  }

  /** The bytes of a constant as they lie in the file, for kernels on packed weights. */
  packed(tensor: OnnxTensor, bytes: number): Value {
    const placed = this.#packed.get(tensor);
    if (placed) return placed;
    const buffer = this.#allocate(tensor.name, Math.max(4, Math.ceil(bytes / 4) * 4), true);
    this.#fills.push({ kind: "packed", buffer, tensor });
    const value = { name: tensor.name, type: tensor.dataType, dims: tensor.dims, buffer };
    this.#packed.set(tensor, value);
    return value;
  }

  /** Zeros, for kernels that add to what is there or leave gaps. */
  zeros(type: number, dims: readonly number[]): Value {
    const value = this.temp(type, dims);
    if (value.buffer !== undefined) this.#fills.push({ kind: "zero", buffer: value.buffer });
    return value;
  }

  /** Appends a call; bindings in the spec's order. What it writes is constant if all it reads is. */
  emit(call: KernelCall, bindings: readonly Value[]): void {
    if (call.workgroups === 0) return;
    const spec = graphKernelSpecs[call.kernel];
    if (!spec) throw new InternalError(`There is no kernel ${call.kernel}.`);
    const buffers = bindings.map((value) => this.onDevice(value));
    const reads = spec.bindings.flatMap(({ access }, i) => (access === "read" ? [buffers[i] ?? -1] : []));
    const constant = reads.every((buffer) => this.#buffers[buffer]?.constant === true);
    for (const [i, { access }] of spec.bindings.entries()) {
      const buffer = this.#buffers[buffers[i] ?? -1];
      if (buffer && access === "read_write") buffer.constant &&= constant;
    }
    this.#steps.push({ call, bindings: buffers, node: this.#node });
  }

  /** Whether a value depends on constants alone. */
  isConstant(value: Value): boolean {
    if (value.buffer === undefined) return true;
    return this.#buffers[value.buffer]?.constant === true;
  }

  /** Elements of a value if they can be known before the run, from graph inputs if need be. */
  hostOf(value: Value): HostTensor | undefined {
    return value.host ?? value.derive?.();
  }

  /**
   * Elements of a value that decides how the graph goes on.
   * @throws UnsupportedError where they are only known during the run
   */
  requireHost(value: Value, what: string): HostTensor {
    const host = this.hostOf(value);
    if (host) return host;
    throw new UnsupportedError(`${this.#node}: ${what} ("${value.name}") is computed from the input data.`, {
      hint: "Export the model with fixed shapes, or make this value a constant.",
      details: { node: this.#node, value: value.name },
    });
  }

  /** Everything so far, with the outputs that are wanted. */
  finish(outputs: readonly { readonly name: string; readonly value: Value }[]): GraphProgram {
    return {
      buffers: this.#buffers,
      fills: this.#fills,
      steps: this.#steps,
      inputs: this.#inputs,
      outputs: outputs.map(({ name, value }): ProgramOutput => {
        const { type, dims } = value;
        if (value.host && value.buffer === undefined) return { name, type, dims, host: value.host };
        return { name, type, dims, buffer: this.onDevice(value) };
      }),
      assumed: this.#assumed,
    };
  }

  #assume(name: string, dims: readonly number[]): HostTensor | undefined {
    const given = this.#readInput(name);
    if (given) this.#assumed.set(name, given);
    return given && { ...given, dims };
  }

  #allocate(name: string, bytes: number, constant: boolean): number {
    if (!Number.isSafeInteger(bytes) || bytes < 0 || bytes >= 2 ** 33) {
      throw new UnsupportedError(`${this.#node}: a tensor of ${bytes} bytes is too large for a device buffer.`, {
        hint: "Use a smaller batch, image or sequence.",
        details: { node: this.#node, bytes },
      });
    }
    return this.#buffers.push({ name, bytes, constant }) - 1;
  }
}

/** A value with other dims or another type, in whatever form its elements are held. */
function changed(value: Value, change: Partial<Pick<Value, "dims" | "type">>): Value {
  const { host, derive, fusion: _, ...rest } = value;
  return {
    ...rest,
    ...change,
    ...(host ? { host: { ...host, ...change } } : {}),
    ...(derive
      ? {
          derive: () => {
            const found = derive();
            return found && { ...found, ...change };
          },
        }
      : {}),
  };
}
