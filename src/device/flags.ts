// The bit values of WebGPU's flag namespaces, fixed by the specification. Node has no global
// GPUBufferUsage unless someone installs it, so the library never reads those globals.

/** Values of `GPUBufferUsage`. */
export const bufferUsage = {
  mapRead: 0x0001,
  mapWrite: 0x0002,
  copySource: 0x0004,
  copyTarget: 0x0008,
  uniform: 0x0040,
  storage: 0x0080,
  queryResolve: 0x0200,
} as const;

/** Values of `GPUMapMode`. */
export const mapMode = { read: 0x0001, write: 0x0002 } as const;

/** Values of `GPUShaderStage`. */
export const shaderStage = { compute: 0x0004 } as const;
