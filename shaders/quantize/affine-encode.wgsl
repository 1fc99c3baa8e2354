// Affine codes of any geometry in any layout under given scales and zero points.
//
// Contract  source: f32 by bits; scales: f32, normal, any sign; zero_points: i32 in the code range; one
//           of each per group in the order of the layout. codes: `count` codes of `bits` bits, the first
//           lowest, padding of the rows layout = the zero point's code, bits behind the last code 0.
// Tile      one thread makes `words` words lying one after another. The condition `columns` is for 8-bit codes of
//           channels that lie last, a multiple of 16: a thread holds what 16 of them need and goes down `words` rows,
//           four codes at a time in fixed point (see affine-block.wgsl); rows in doubt are done again, exactly.
// Tie rule  `rounding` of common/exact.wgsl, ties of x / scale decided exactly.
// NaN rule  subnormals, NaN and infinity count as 0.
import package::common::affine::{affine_code, lowest_code};
import package::common::exact::{flush_bits, settle};
import package::common::grid::flat_workgroup;
import package::common::shape::{Shape, cursor_at, cursor_group, cursor_next, cursor_source, cursor_valid};

struct Params {
  outer: u32,
  dim: u32,
  inner: u32,
  block: u32,
  blocks: u32,
  order: u32,
  count: u32,
  words: u32,
  bits: u32,
  is_signed: u32,
  rounding: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@if(columns) @group(0) @binding(1) var<storage, read> source: array<vec4u>;
@else @group(0) @binding(1) var<storage, read> source: array<u32>;
@if(columns) @group(0) @binding(2) var<storage, read> scales: array<vec4f>;
@else @group(0) @binding(2) var<storage, read> scales: array<f32>;
@if(columns) @group(0) @binding(3) var<storage, read> zero_points: array<vec4i>;
@else @group(0) @binding(3) var<storage, read> zero_points: array<i32>;
@group(0) @binding(4) var<storage, read_write> codes: array<u32>;

override wg: u32 = 64u;

// 1536.5 and 2 units of 2^-13, the last bit of a float there: see affine-block.wgsl.
const origin: f32 = 1536.500244140625;

struct Quad {
  word: u32,
  // At most 4 means doubt.
  nearest: u32,
  largest: u32,
}

fn encode_quad(elements: vec4u, inverse: vec4f, bias: vec4f, low: i32, high: i32) -> Quad {
  let sum = bitcast<vec4i>(bitcast<vec4f>(elements) * inverse + bias);
  let fixed = bitcast<vec4u>(clamp(sum, vec4i(low), vec4i(high)));
  let near = fixed & vec4u(0x1fffu);
  let codes_here = (fixed >> vec4u(13u)) & vec4u(0xffu);
  let magnitude = elements & vec4u(0x7fffffffu);
  return Quad(
    codes_here.x | (codes_here.y << 8u) | (codes_here.z << 16u) | (codes_here.w << 24u),
    min(min(near.x, near.y), min(near.z, near.w)),
    max(max(magnitude.x, magnitude.y), max(magnitude.z, magnitude.w)),
  );
}

@if(columns) fn encode_columns(thread: u32) {
  let strips = params.dim / 16u;
  let band = thread / strips;
  let group = (thread - band * strips) * 4u;
  let first = band * params.words;
  let rows = min(params.words, params.outer - min(first, params.outer));
  let lowest = lowest_code(8u, params.is_signed);
  let low = bitcast<i32>(f32(lowest) + origin);
  let high = bitcast<i32>(f32(lowest + 255) + origin);
  let i0 = 1.0 / scales[group];
  let i1 = 1.0 / scales[group + 1u];
  let i2 = 1.0 / scales[group + 2u];
  let i3 = 1.0 / scales[group + 3u];
  let b0 = vec4f(zero_points[group]) + origin;
  let b1 = vec4f(zero_points[group + 1u]) + origin;
  let b2 = vec4f(zero_points[group + 2u]) + origin;
  let b3 = vec4f(zero_points[group + 3u]) + origin;
  // A bit for each row with a code in doubt or an element that is not finite.
  var marks = 0u;
  for (var row = 0u; row < rows; row++) {
    let at = (first + row) * (params.dim / 4u) + group;
    let q0 = encode_quad(source[at], i0, b0, low, high);
    let q1 = encode_quad(source[at + 1u], i1, b1, low, high);
    let q2 = encode_quad(source[at + 2u], i2, b2, low, high);
    let q3 = encode_quad(source[at + 3u], i3, b3, low, high);
    codes[at] = q0.word;
    codes[at + 1u] = q1.word;
    codes[at + 2u] = q2.word;
    codes[at + 3u] = q3.word;
    let nearest = min(min(q0.nearest, q1.nearest), min(q2.nearest, q3.nearest));
    let largest = max(max(q0.largest, q1.largest), max(q2.largest, q3.largest));
    marks |= u32(nearest <= 4u || largest >= 0x7f800000u) << row;
  }
  // One element a turn.
  var at = 0u;
  var left = 0u;
  var filled = 0u;
  loop {
    if (left == 0u) {
      if (marks == 0u) {
        break;
      }
      at = (first + firstTrailingBit(marks)) * (params.dim / 4u) + group;
      marks &= marks - 1u;
      left = 16u;
    }
    let index = 16u - left;
    let quad = index / 4u;
    let place = index % 4u;
    let scale = scales[group + quad][place];
    let zero = zero_points[group + quad][place];
    let x = flush_bits(source[at + quad][place]);
    let code = clamp(settle(x, scale, 1.0 / scale, zero, params.rounding), lowest, lowest + 255);
    filled = (filled >> 8u) | (bitcast<u32>(code) << 24u);
    left--;
    if (place == 3u) {
      codes[at + quad] = filled;
    }
  }
}

@if(!columns) fn encode_any(thread: u32) {
  let bits = params.bits;
  let per_word = 32u / bits;
  let total = (params.count + per_word - 1u) / per_word;
  let first = thread * params.words;
  if (first >= total) {
    return;
  }
  let shape = Shape(params.outer, params.dim, params.inner, params.block, params.blocks, params.order);
  let end = min(params.count, (first + params.words) * per_word);
  var cursor = cursor_at(shape, first * per_word);
  var group = 0xffffffffu;
  var scale = 1.0;
  var inverse = 1.0;
  var zero = 0;
  var word = first;
  var filled = 0u;
  var shift = 0u;
  for (var position = first * per_word; position < end; position++) {
    let now = cursor_group(shape, cursor);
    if (now != group) {
      group = now;
      scale = scales[group];
      inverse = 1.0 / scale;
      zero = zero_points[group];
    }
    let x = flush_bits(select(0u, source[cursor_source(shape, cursor)], cursor_valid(shape, cursor)));
    filled |= affine_code(x, scale, inverse, zero, bits, params.is_signed, params.rounding) << shift;
    shift += bits;
    cursor_next(shape, &cursor);
    if (shift == 32u || position + 1u == end) {
      codes[word] = filled;
      word++;
      filled = 0u;
      shift = 0u;
    }
  }
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let thread = flat_workgroup(workgroup, workgroups) * wg + lane;
  @if(columns) {
    if (thread < ((params.outer + params.words - 1u) / params.words) * (params.dim / 16u)) {
      encode_columns(thread);
    }
  }
  @else {
    encode_any(thread);
  }
}
