// What lowering a graph yields: kernel calls over numbered buffers, as data. No device, no file handles beyond
// the tensors that constants still lie in.
import type { OnnxTensor } from "../formats/onnx/ir.ts";
import type { KernelCall } from "../kernels/kernel.ts";
import type { HostTensor } from "./values.ts";

export interface ProgramBuffer {
  /** For messages and maps: the value's name in the graph. */
  readonly name: string;
  readonly bytes: number;
  /** Depends on constants alone: computed once, kept from run to run if a run reads it. */
  readonly constant: boolean;
}

/** Where a buffer's first bytes come from. */
export type Fill =
  /** One word an element, as the tensor's type is held on the device. */
  | { readonly kind: "tensor"; readonly buffer: number; readonly tensor: OnnxTensor }
  /** The tensor's bytes as they lie in the file, padded to whole words. */
  | { readonly kind: "packed"; readonly buffer: number; readonly tensor: OnnxTensor }
  | { readonly kind: "host"; readonly buffer: number; readonly value: HostTensor }
  | { readonly kind: "zero"; readonly buffer: number };

export interface ProgramStep {
  readonly call: KernelCall;
  readonly bindings: readonly number[];
  /** The node that it was lowered from. */
  readonly node: string;
}

export interface ProgramValue {
  readonly name: string;
  readonly type: number;
  readonly dims: readonly number[];
}

export type ProgramOutput = ProgramValue & ({ readonly buffer: number } | { readonly host: HostTensor });

export interface GraphProgram {
  readonly buffers: readonly ProgramBuffer[];
  readonly fills: readonly Fill[];
  /** In order; those whose outputs are constant come to lie before the first run. */
  readonly steps: readonly ProgramStep[];
  readonly inputs: readonly (ProgramValue & { readonly buffer: number })[];
  readonly outputs: readonly ProgramOutput[];
  /** Elements of graph inputs that decided how the graph was lowered: the program holds for these only. */
  readonly assumed: ReadonlyMap<string, HostTensor>;
}
