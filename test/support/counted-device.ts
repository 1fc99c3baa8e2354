// A device between a test and the real one: counts what is made, dispatched and submitted, and can pretend to have no
// room for large buffers, in both ways in which WebGPU says so.

export interface DeviceCounts {
  buffers: number;
  /** Bytes that exist, and the most that ever did. */
  bytes: number;
  peakBytes: number;
  dispatches: number;
  submits: number;
  /** Buffers that were refused. */
  refused: number;
}

/** @param largest bytes of the largest buffer that can be had */
export function countedDevice(
  real: GPUDevice,
  largest = Infinity,
): { readonly device: GPUDevice; readonly counts: DeviceCounts } {
  const counts: DeviceCounts = { buffers: 0, bytes: 0, peakBytes: 0, dispatches: 0, submits: 0, refused: 0 };
  const scopes: GPUErrorFilter[] = [];
  let isOut = false;

  const createBuffer = (descriptor: GPUBufferDescriptor): GPUBuffer => {
    const { size, mappedAtCreation } = descriptor;
    if (size > largest) {
      counts.refused += 1;
      if (mappedAtCreation) throw new RangeError("createBuffer failed, no room for a mapped buffer");
      isOut = true;
      return real.createBuffer({ ...descriptor, size: 4 });
    }
    const buffer = real.createBuffer(descriptor);
    const destroy = buffer.destroy.bind(buffer);
    counts.buffers += 1;
    counts.bytes += size;
    counts.peakBytes = Math.max(counts.peakBytes, counts.bytes);
    let exists = true;
    buffer.destroy = () => {
      if (exists) counts.bytes -= size;
      exists = false;
      return destroy();
    };
    return buffer;
  };
  const createCommandEncoder = (descriptor?: GPUCommandEncoderDescriptor): GPUCommandEncoder => {
    const encoder = real.createCommandEncoder(descriptor);
    const begin = encoder.beginComputePass.bind(encoder);
    encoder.beginComputePass = (pass) => {
      const begun = begin(pass);
      const dispatch = begun.dispatchWorkgroups.bind(begun);
      begun.dispatchWorkgroups = (...grid) => {
        counts.dispatches += 1;
        return dispatch(...grid);
      };
      return begun;
    };
    return encoder;
  };
  const queue = through(real.queue, {
    submit: (commands: Iterable<GPUCommandBuffer>) => {
      counts.submits += 1;
      return real.queue.submit(commands);
    },
  });
  const device = through(real, {
    queue,
    createBuffer,
    createCommandEncoder,
    pushErrorScope: (filter: GPUErrorFilter) => {
      scopes.push(filter);
      return real.pushErrorScope(filter);
    },
    popErrorScope: async () => {
      const isHit = scopes.pop() === "out-of-memory" && isOut;
      if (isHit) isOut = false;
      const error = await real.popErrorScope();
      return isHit ? { message: "no room" } : error;
    },
  });
  return { device, counts };
}

/** An object whose calls go to `target`, but for those given: native objects refuse a `this` that is not their own. */
function through<T extends object>(target: T, own: Readonly<Record<string, unknown>>): T {
  return new Proxy(target, {
    get: (_, name) => {
      if (typeof name === "string" && name in own) return own[name];
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
