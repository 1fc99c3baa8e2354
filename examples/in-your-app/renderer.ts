// The app: its own device, buffers, pipelines and frames. One command encoder a frame: quantize the weights, run the
// network on the packed weights and on the originals, draw both. One submit; nothing is read back for it.
import type { PackedField } from "./packed-field.ts";
import {
  activateShader,
  denseShader,
  featureShader,
  pictureShader,
  weightShader,
  type FormatChoice,
} from "./app-shaders.ts";
import type { Field } from "./field.ts";

export interface Canvases {
  readonly original: HTMLCanvasElement;
  readonly packed: HTMLCanvasElement;
  readonly difference: HTMLCanvasElement;
  readonly weights: HTMLCanvasElement;
}

export interface Quality {
  readonly psnrDb: number;
  readonly finite: boolean;
}

interface LayerBuffers {
  readonly rows: number;
  readonly cols: number;
  readonly weight: GPUBuffer;
  readonly bias: GPUBuffer;
}

/** A pass of the app's: a pipeline with its bindings, and how many workgroups of 64 it needs. */
interface Pass {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly workgroups: number;
}

export class Renderer {
  readonly #device: GPUDevice;
  readonly #pixels: number;
  readonly #size: readonly [width: number, height: number];
  readonly #frame: GPUBuffer;
  readonly #layers: readonly LayerBuffers[];
  /** Activations: two to go back and forth between layers. */
  readonly #flow: readonly [GPUBuffer, GPUBuffer];
  readonly #colours: Readonly<Record<"original" | "packed", GPUBuffer>>;
  readonly #features: Pass;
  readonly #dense: readonly Pass[];
  readonly #activate: Readonly<Record<"original" | "packed", readonly Pass[]>>;
  readonly #pictures: readonly { context: GPUCanvasContext; pipeline: GPURenderPipeline; group: GPUBindGroup }[];
  readonly #weightContext: GPUCanvasContext;
  readonly #weightPipelines = new Map<FormatChoice, GPURenderPipeline>();
  readonly #canvasFormat: GPUTextureFormat;

  constructor(device: GPUDevice, field: Field, canvases: Canvases, size: readonly [number, number]) {
    this.#device = device;
    this.#size = size;
    const pixels = (this.#pixels = size[0] * size[1]);
    const buffer = (bytes: number, usage = 0): GPUBuffer =>
      device.createBuffer({ size: bytes, usage: GPUBufferUsage.STORAGE | usage });
    const filled = (values: Float32Array<ArrayBuffer>): GPUBuffer => {
      const made = buffer(values.byteLength, GPUBufferUsage.COPY_DST);
      device.queue.writeBuffer(made, 0, values);
      return made;
    };
    this.#frame = device.createBuffer({ size: 16, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
    this.#layers = field.layers.map(({ rows, cols, weight, bias }) => ({
      rows,
      cols,
      weight: filled(weight),
      bias: filled(bias),
    }));
    this.#flow = [buffer(pixels * 64 * 4), buffer(pixels * 64 * 4)];
    this.#colours = {
      original: buffer(pixels * 12, GPUBufferUsage.COPY_SRC),
      packed: buffer(pixels * 12, GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST),
    };
    const waves = filled(field.waves);
    this.#features = this.#pass(featureShader, "features", {}, [this.#frame, waves, this.#flow[0]], pixels);
    this.#dense = this.#layers.map(({ rows, cols, weight }, l) =>
      this.#pass(
        denseShader,
        "dense",
        { rows, cols },
        [weight, this.#inputOf(l), this.#outputOf(l, "original")],
        (pixels / 4) * rows,
      ),
    );
    const activations = (path: "original" | "packed"): readonly Pass[] =>
      this.#layers.map(({ rows, bias }, l) => {
        const last = Number(l === this.#layers.length - 1);
        return this.#pass(activateShader, "activate", { rows, last }, [bias, this.#outputOf(l, path)], pixels * rows);
      });
    this.#activate = { original: activations("original"), packed: activations("packed") };
    this.#canvasFormat = navigator.gpu.getPreferredCanvasFormat();
    this.#pictures = [canvases.original, canvases.packed, canvases.difference].map((canvas, view) => {
      const pipeline = this.#drawing(pictureShader, "picture", { view });
      const used = [this.#frame, this.#colours.original, this.#colours.packed];
      return { context: this.#configure(canvas), pipeline, group: this.#group(pipeline, used) };
    });
    this.#weightContext = this.#configure(canvases.weights);
  }

  get pixels(): number {
    return this.#pixels;
  }

  /** Encodes and submits one frame; `packed` is undefined while the original is compared with itself. */
  render(time: number, format: FormatChoice, packed: PackedField | undefined): void {
    const frame = new ArrayBuffer(16);
    new Uint32Array(frame).set(this.#size);
    new Float32Array(frame)[2] = time;
    this.#device.queue.writeBuffer(this.#frame, 0, frame);
    const encoder = this.#device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    this.#run(pass, this.#features);
    for (const [l, dense] of this.#dense.entries()) {
      this.#run(pass, dense);
      this.#run(pass, this.#activate.original[l]);
    }
    this.#run(pass, this.#features);
    for (const [l, { weight }] of this.#layers.entries()) {
      const layer = packed?.layers[l];
      const [x, y] = [this.#inputOf(l), this.#outputOf(l, "packed")];
      if (layer) {
        layer.quantizer.encode(pass, { source: weight, ...layer });
        layer.matmul.encode(pass, { ...layer, x, y });
        this.#run(pass, this.#activate.packed[l]);
      }
    }
    pass.end();
    if (!packed) encoder.copyBufferToBuffer(this.#colours.original, 0, this.#colours.packed, 0, this.#pixels * 12);
    for (const { context, pipeline, group } of this.#pictures) draw(encoder, context, pipeline, group);
    this.#drawWeights(encoder, format, packed);
    this.#device.queue.submit([encoder.finish()]);
  }

  /** Reads both pictures to tell how far apart they are; for the figures on the page, not for the frames. */
  async measure(): Promise<Quality> {
    const bytes = this.#pixels * 12;
    const staging = this.#device.createBuffer({
      size: bytes * 2,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    const encoder = this.#device.createCommandEncoder();
    encoder.copyBufferToBuffer(this.#colours.original, 0, staging, 0, bytes);
    encoder.copyBufferToBuffer(this.#colours.packed, 0, staging, bytes, bytes);
    this.#device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const values = new Float32Array(staging.getMappedRange());
    const half = values.length / 2;
    let sum = 0;
    for (let i = 0; i < half; i++) sum += ((values[i] ?? 0) - (values[half + i] ?? 0)) ** 2;
    const finite = values.every((value) => value >= 0 && value <= 1);
    staging.destroy();
    return { psnrDb: -10 * Math.log10(sum / half), finite };
  }

  #inputOf(layer: number): GPUBuffer {
    return this.#flow[layer % 2 === 0 ? 0 : 1];
  }

  #outputOf(layer: number, path: "original" | "packed"): GPUBuffer {
    return layer === this.#layers.length - 1 ? this.#colours[path] : this.#flow[layer % 2 === 0 ? 1 : 0];
  }

  #pass(
    code: string,
    entryPoint: string,
    constants: Record<string, number>,
    buffers: readonly GPUBuffer[],
    threads: number,
  ): Pass {
    const module = this.#device.createShaderModule({ code });
    const pipeline = this.#device.createComputePipeline({ layout: "auto", compute: { module, entryPoint, constants } });
    return { pipeline, group: this.#group(pipeline, buffers), workgroups: Math.ceil(threads / 64) };
  }

  #group(pipeline: GPUComputePipeline | GPURenderPipeline, buffers: readonly (GPUBuffer | undefined)[]): GPUBindGroup {
    const entries = buffers.flatMap((buffer, binding) => (buffer ? [{ binding, resource: { buffer } }] : []));
    return this.#device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  }

  #run(pass: GPUComputePassEncoder, work: Pass | undefined): void {
    if (!work) return;
    pass.setPipeline(work.pipeline);
    pass.setBindGroup(0, work.group);
    const rows = Math.ceil(work.workgroups / 32_768);
    pass.dispatchWorkgroups(Math.ceil(work.workgroups / rows), rows);
  }

  #configure(canvas: HTMLCanvasElement): GPUCanvasContext {
    const context = canvas.getContext("webgpu");
    if (!context) throw new Error("The canvas has no WebGPU context.");
    context.configure({ device: this.#device, format: this.#canvasFormat });
    return context;
  }

  #drawing(code: string, entryPoint: string, constants: Record<string, number> = {}): GPURenderPipeline {
    const module = this.#device.createShaderModule({ code });
    return this.#device.createRenderPipeline({
      layout: "auto",
      vertex: { module, entryPoint: "corner" },
      fragment: { module, entryPoint, constants, targets: [{ format: this.#canvasFormat }] },
    });
  }

  #drawWeights(encoder: GPUCommandEncoder, format: FormatChoice, packed: PackedField | undefined): void {
    let pipeline = this.#weightPipelines.get(format);
    if (!pipeline) this.#weightPipelines.set(format, (pipeline = this.#drawing(weightShader(format), "weights")));
    const layer = packed?.layers[1];
    const used = layer ? [layer.codes, layer.scales, layer.zeroPoints] : [this.#layers[1]?.weight];
    draw(encoder, this.#weightContext, pipeline, this.#group(pipeline, used));
  }
}

function draw(
  encoder: GPUCommandEncoder,
  context: GPUCanvasContext,
  pipeline: GPURenderPipeline,
  group: GPUBindGroup,
): void {
  const view = context.getCurrentTexture().createView();
  const pass = encoder.beginRenderPass({ colorAttachments: [{ view, loadOp: "clear", storeOp: "store" }] });
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.draw(3);
  pass.end();
}
