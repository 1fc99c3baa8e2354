// Whether gpu.js computes exactly here: WebGL drivers differ in float textures, read-back and index arithmetic,
// so a mode serves only after it has reproduced the references' bytes on a sample.
import { seededRandom } from "../base/random.ts";
import { affineBlockReference } from "../kernels/quantize/affine-block.ref.ts";
import { affineBlockCall } from "../kernels/quantize/affine-block.ts";
import { affineDecodeReference } from "../kernels/quantize/affine-decode.ref.ts";
import { affineDecodeCall } from "../kernels/quantize/affine-decode.ts";
import type { AffineRule, Bits } from "../kernels/quantize/affine-rule.ts";
import { groupCount, type BlockedGeometry } from "../kernels/quantize/geometry.ts";
import { packedBytes } from "../kernels/quantize/shape.ts";
import type { KernelCall, KernelReference } from "../kernels/kernel.ts";
import { affineKernels } from "./affine.ts";
import type { GpuJs } from "./gpu-js.ts";

const sample: BlockedGeometry = { kind: "blocked", outer: 90, dim: 128, inner: 1, blockSize: 32 };
const elements = 90 * 128;

/** Normal values over many magnitudes, with ties of their block's scale among them. */
function sampleValues(bits: Bits): Uint8Array {
  const random = seededRandom(7);
  const values = random.normals(elements);
  for (let k = 0; k < elements; k++) {
    const scale = 2 ** ((k >> 5) % 80) * 1e-12;
    values[k] = k % 32 === 0 ? scale * 2 ** (bits - 1) : (values[k] ?? 0) * scale;
    if (k % 7 === 3) values[k] = (k % 2 === 0 ? 0.5 : 1.5) * scale;
  }
  return new Uint8Array(values.buffer);
}

/** @returns false where a sample comes out other than the references have it */
export function computesExactly(gpu: GpuJs): boolean {
  const kernels = affineKernels(gpu);
  const agrees = (call: KernelCall, reference: KernelReference, buffers: readonly (Uint8Array | number)[]) => {
    const bind = () => buffers.map((buffer) => (typeof buffer === "number" ? new Uint8Array(buffer) : buffer));
    const [ours, theirs] = [bind(), bind()];
    kernels[call.kernel]?.(call.params, ours);
    reference(call.params, theirs);
    const same = theirs.every((bytes, index) => bytes.every((byte, at) => byte === ours[index]?.[at]));
    return { same, results: theirs };
  };
  return ([2, 4, 8] as const).every((bits) => {
    const rule: AffineRule = {
      bits,
      signed: bits !== 4,
      scheme: bits === 8 ? "symmetric" : "asymmetric",
      rounding: "half-even",
      halfScales: false,
    };
    const [source, groups] = [sampleValues(bits), groupCount(sample)];
    const encode = affineBlockCall(sample, "rows", rule);
    const sizes = [packedBytes(elements, bits), groups * 4, groups * 4];
    const encoded = agrees(encode, affineBlockReference, [source, ...sizes]);
    const [, codes, scales] = encoded.results;
    if (!encoded.same || !codes || !scales) return false;
    const decode = affineDecodeCall(sample, "rows", { ...rule, scheme: "symmetric" });
    return agrees(decode, affineDecodeReference, [codes, scales, 4, elements * 4]).same;
  });
}
