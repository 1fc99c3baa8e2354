// Affine codes of any geometry in any layout under given scales and zero points.
//
// Contract  source: f32 by bits; scales: f32, normal, any sign; zero_points: i32 in the code range; one
//           of each per group in the order of the layout. codes: `count` codes of `bits` bits, the first
//           lowest, padding of the rows layout = the zero point's code, bits behind the last code 0.
// Tile      one thread makes `words` words lying one after another.
// Tie rule  `rounding` of common/exact.wgsl, ties of x / scale decided exactly.
// NaN rule  subnormals, NaN and infinity count as 0.
import package::common::affine::affine_code;
import package::common::exact::flush_bits;
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
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read> scales: array<f32>;
@group(0) @binding(3) var<storage, read> zero_points: array<i32>;
@group(0) @binding(4) var<storage, read_write> codes: array<u32>;

override wg: u32 = 64u;

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let bits = params.bits;
  let per_word = 32u / bits;
  let thread = flat_workgroup(workgroup, workgroups) * wg + lane;
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
