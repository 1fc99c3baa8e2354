// The public entry "wgslim/compute": products with low-precision weights on a caller's own buffers and encoder.
export { createInt3Quantizer, type Int3Quantizer } from "./doors/int3-quantizer.ts";
export { createBlockMatmul, type BlockMatmul, type BlockMatmulOptions } from "./doors/matmul.ts";
export { createPackedMatmul, type PackedMatmul, type PackedMatmulOptions } from "./doors/packed-matmul.ts";
export type { BufferRange, EncodeTarget } from "./doors/program.ts";
export { createTableMatmul, type TableMatmul, type TableMatmulOptions } from "./doors/table-matmul.ts";
export type { PackedElement } from "./kernels/matmul/packed-dot.ts";
export type { TableFormatName } from "./kernels/matmul/table.ts";
export type { Int3Shape } from "./kernels/quantize/int3-block.ts";
export type { Activation, ActivationKind } from "./kernels/nn/activation.ts";
