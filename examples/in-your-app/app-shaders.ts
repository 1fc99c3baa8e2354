// The app's own shaders. Only `weightShader` knows wgslim: it puts a decode snippet before its own code.
import { decodeSnippet } from "../../src/web.ts";

export type FormatChoice = "f32" | "int8" | "int4" | "uint2";

/** Waves of (x, y, t) for each pixel: the network's input, [pixels, 64]. */
export const featureShader = `
struct Frame { width: u32, height: u32, time: f32 }
@group(0) @binding(0) var<uniform> frame: Frame;
@group(0) @binding(1) var<storage, read> waves: array<f32>;
@group(0) @binding(2) var<storage, read_write> x: array<f32>;

@compute @workgroup_size(64) fn features(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= frame.width * frame.height) { return; }
  let place = vec2f(f32(id.x % frame.width), f32(id.x / frame.width)) + 0.5;
  let p = vec3f(place / vec2f(f32(frame.width), f32(frame.height)) * 2.0 - 1.0, frame.time);
  for (var k = 0u; k < 32u; k++) {
    let angle = dot(vec3f(waves[k * 3u], waves[k * 3u + 1u], waves[k * 3u + 2u]), p);
    x[id.x * 64u + k] = sin(6.2831853 * (angle - floor(angle)));
    x[id.x * 64u + 32u + k] = cos(6.2831853 * (angle - floor(angle)));
  }
}`;

/** The original's product: y [pixels, rows] = x [pixels, cols] times the transpose of an f32 weight [rows, cols]. */
export const denseShader = `
override rows: u32;
override cols: u32;
@group(0) @binding(0) var<storage, read> weight: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64) fn dense(@builtin(global_invocation_id) id: vec3u) {
  let row = id.x % rows;
  let first = id.x / rows * 4u;
  if (first * cols >= arrayLength(&x)) { return; }
  var sum = vec4f(0.0);
  for (var k = 0u; k < cols; k++) {
    let i = first * cols + k;
    sum += weight[row * cols + k] * vec4f(x[i], x[i + cols], x[i + 2u * cols], x[i + 3u * cols]);
  }
  for (var n = 0u; n < 4u; n++) { y[(first + n) * rows + row] = sum[n]; }
}`;

/** Bias, and a sine between layers or a sigmoid at the end; in place. */
export const activateShader = `
override rows: u32;
override last: bool;
@group(0) @binding(0) var<storage, read> bias: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64) fn activate(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.x + groups.x * group.y) * 64u + lane;
  if (i >= arrayLength(&y)) { return; }
  let sum = y[i] + bias[i % rows];
  if (last) { y[i] = 1.0 / (1.0 + exp(-sum)); } else { y[i] = sin(sum); }
}`;

const corners = `
struct Corner { @builtin(position) position: vec4f, @location(0) place: vec2f }
@vertex fn corner(@builtin(vertex_index) index: u32) -> Corner {
  let place = vec2f(f32(index & 1u), f32(index >> 1u)) * 2.0;
  return Corner(vec4f(place * vec2f(2.0, -2.0) + vec2f(-1.0, 1.0), 0.0, 1.0), place);
}`;

/** Draws the original (view 0), the packed network's picture (1) or eight times their difference (2). */
export const pictureShader = `
struct Frame { width: u32, height: u32, time: f32 }
override view: u32;
@group(0) @binding(0) var<uniform> frame: Frame;
@group(0) @binding(1) var<storage, read> original: array<f32>;
@group(0) @binding(2) var<storage, read> compact: array<f32>;
${corners}
fn texel(p: vec2i) -> vec3f {
  let q = clamp(p, vec2i(0), vec2i(i32(frame.width), i32(frame.height)) - 1);
  let i = u32(q.y * i32(frame.width) + q.x) * 3u;
  let a = vec3f(original[i], original[i + 1u], original[i + 2u]);
  let b = vec3f(compact[i], compact[i + 1u], compact[i + 2u]);
  if (view == 2u) { return min(abs(a - b) * 8.0, vec3f(1.0)); }
  return select(a, b, view == 1u);
}
@fragment fn picture(in: Corner) -> @location(0) vec4f {
  let p = in.place * vec2f(f32(frame.width), f32(frame.height)) - 0.5;
  let base = vec2i(floor(p));
  let s = fract(p);
  let upper = mix(texel(base), texel(base + vec2i(1, 0)), s.x);
  let lower = mix(texel(base + vec2i(0, 1)), texel(base + vec2i(1, 1)), s.x);
  return vec4f(mix(upper, lower, s.y), 1.0);
}`;

/** How the fragment shader finds weight i of a [64, 64] layer in blocks of 32. */
const readers: Readonly<Record<FormatChoice, string>> = {
  f32: "fn weight(i: u32) -> f32 { return bitcast<f32>(codes[i]); }",
  int8: `${decodeSnippet("int8")}
    fn weight(i: u32) -> f32 { return int8_decode(codes[i / 4u], i, scales[i / 32u]); }`,
  int4: `${decodeSnippet("int4")}
    fn weight(i: u32) -> f32 { return int4_decode(codes[i / 8u], i, scales[i / 32u]); }`,
  // Two zero points of two bits a row, each row on a byte of its own.
  uint2: `${decodeSnippet("uint2")}
    fn weight(i: u32) -> f32 {
      let zero = extractBits(zero_points[i / 256u], i / 64u % 4u * 8u + i / 32u % 2u * 2u, 2u);
      return uint2_decode(codes[i / 16u], i, i32(zero), scales[i / 32u]);
    }`,
};

/** Draws the second layer's weights, decoded from their codes by the fragment shader itself. */
export function weightShader(format: FormatChoice): string {
  return `
@group(0) @binding(0) var<storage, read> codes: array<u32>;
@group(0) @binding(1) var<storage, read> scales: array<f32>;
@group(0) @binding(2) var<storage, read> zero_points: array<u32>;
${corners}
${readers[format]}
@fragment fn weights(in: Corner) -> @location(0) vec4f {
  let cell = min(vec2u(in.place * 64.0), vec2u(63u));
  let w = clamp(weight(cell.y * 64u + cell.x) * 2.2, -1.0, 1.0);
  let tone = select(vec3f(0.18, 0.42, 0.95), vec3f(0.98, 0.45, 0.18), w > 0.0);
  return vec4f(mix(vec3f(0.07, 0.08, 0.11), tone, sqrt(abs(w))), 1.0);
}`;
}
