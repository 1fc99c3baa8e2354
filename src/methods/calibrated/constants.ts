// Float constants of a model that a method changes before anything is packed: read once, changed as often as asked,
// and put into a new model, whose every other part stays as it was.
import { UnsupportedError } from "../../base/errors.ts";
import { OnnxType, type OnnxModel, type OnnxNode, type OnnxTensor } from "../../formats/onnx/ir.ts";
import { readTensorBytes } from "../../formats/onnx/tensor-data.ts";

/** Which channel an element of a constant belongs to: floor(element / inner) % channels. */
export interface ChannelAxis {
  readonly channels: number;
  readonly inner: number;
}

/** The channels along one axis of a tensor. */
export const channelsAlong = (dims: readonly number[], axis: number): ChannelAxis => ({
  channels: dims[axis] ?? 1,
  inner: dims.slice(axis + 1).reduce((product, dim) => product * dim, 1),
});

export class ChangedConstants {
  readonly #values = new Map<OnnxTensor, Float32Array>();
  readonly #signal: AbortSignal | undefined;

  constructor(signal?: AbortSignal) {
    this.#signal = signal;
  }

  /** A constant's values as they are now. @throws UnsupportedError for other types than f32; IoError */
  async values(tensor: OnnxTensor): Promise<Float32Array> {
    const known = this.#values.get(tensor);
    if (known) return known;
    if (tensor.dataType !== OnnxType.FLOAT) {
      throw new UnsupportedError(`"${tensor.name}" is not float32: only such constants are scaled.`, {
        details: { tensor: tensor.name },
      });
    }
    const bytes = await readTensorBytes(tensor, this.#signal ? { signal: this.#signal } : {});
    return new Float32Array(bytes.slice().buffer);
  }

  set(tensor: OnnxTensor, values: Float32Array): void {
    this.#values.set(tensor, values);
  }

  /** Multiplies each channel by a factor of its own, rounding once. */
  async scale(tensor: OnnxTensor, { channels, inner }: ChannelAxis, factors: ArrayLike<number>): Promise<void> {
    const values = await this.values(tensor);
    this.set(
      tensor,
      values.map((value, at) => value * (factors[Math.floor(at / inner) % channels] ?? 1)),
    );
  }

  /** The model with the changed constants of its main graph in place. */
  applied(model: OnnxModel): OnnxModel {
    if (this.#values.size === 0) return model;
    const { graph } = model;
    return {
      ...model,
      graph: {
        ...graph,
        initializers: graph.initializers.map((tensor) => this.#changed(tensor)),
        nodes: graph.nodes.map((node) => this.#changedNode(node)),
      },
    };
  }

  #changed(tensor: OnnxTensor): OnnxTensor {
    const values = this.#values.get(tensor);
    if (!values) return tensor;
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    return { name: tensor.name, dataType: tensor.dataType, dims: tensor.dims, data: { kind: "bytes", bytes } };
  }

  #changedNode(node: OnnxNode): OnnxNode {
    if (node.opType !== "Constant") return node;
    const found = node.attributes.some(({ value }) => value.type === "tensor" && this.#values.has(value.value));
    if (!found) return node;
    return {
      ...node,
      attributes: node.attributes.map((attribute) => {
        const { name, value } = attribute;
        return value.type === "tensor" ? { name, value: { ...value, value: this.#changed(value.value) } } : attribute;
      }),
    };
  }
}
