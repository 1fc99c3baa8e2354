// WGSL functions with which a caller's own shader decodes our formats: plain text without bindings, entry
// points or overrides, to be put before the caller's code. Names start with the snippet's name, so that several
// go into one shader.
import int8 from "../../shaders/common/decode/int8.wgsl";
import uint8 from "../../shaders/common/decode/uint8.wgsl";
import int4 from "../../shaders/common/decode/int4.wgsl";
import uint4 from "../../shaders/common/decode/uint4.wgsl";
import int2 from "../../shaders/common/decode/int2.wgsl";
import uint2 from "../../shaders/common/decode/uint2.wgsl";
import nf4 from "../../shaders/common/decode/nf4.wgsl";
import fp4 from "../../shaders/common/decode/fp4.wgsl";
import ternary from "../../shaders/common/decode/ternary.wgsl";
import binary from "../../shaders/common/decode/binary.wgsl";
import e4m3 from "../../shaders/common/decode/e4m3.wgsl";
import e5m2 from "../../shaders/common/decode/e5m2.wgsl";
import f16 from "../../shaders/common/decode/f16.wgsl";

const snippets = { int8, uint8, int4, uint4, int2, uint2, nf4, fp4, ternary, binary, e4m3, e5m2, f16 } as const;

export type SnippetName = keyof typeof snippets;

export const snippetNames = Object.keys(snippets) as readonly SnippetName[];

/**
 * The WGSL that decodes one format.
 *
 * int8 int4 int2      `int4_code(word, position) -> i32`, `int4_decode(word, position, scale) -> f32`,
 *                     `int4_decode4(word, quad, scale) -> vec4f` for positions 4 * quad and on
 * uint8 uint4 uint2   the same with the zero point before the scale
 * nf4 fp4             `nf4_code(word, position) -> u32`, `nf4_decode(word, position, absmax) -> f32`
 * e4m3 e5m2           `e4m3_code(word, position) -> u32`, `e4m3_decode(word, position, scale) -> f32`
 * ternary binary      `ternary_decode(word, position, scale) -> f32`
 * f16                 `f16_decode(word, position) -> f32`, for scales stored as f16
 *
 * `position` is the code's place in the packed stream, `word` the u32 of it that holds the code: element
 * (row, k) of a weight in the rows layout stands at row * blocks * blockSize + k, its scale at
 * row * blocks + k / blockSize.
 *
 * @example device.createShaderModule({ code: decodeSnippet("int4") + myShader })
 */
export function decodeSnippet(name: SnippetName): string {
  return snippets[name];
}
