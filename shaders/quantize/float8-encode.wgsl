// 8-bit floats: the code nearest to the real quotient x / scales[group], ties to the even code,
// saturating at the largest finite one. The format comes by params.
// Contract: `source` are f32 by bits; subnormals, NaN and infinity count as 0, the sign of zeros is
// kept except for NaN and infinity. Scale 0 gives codes 0. A scale is 0 or normal, at least 2^-120.
// The approximate quotient decides unless it lies near a midpoint; there |x| is compared with
// midpoint * scale in integers, so that the bytes are the same on every device.
// Tile: one thread 32 codes, which fill whole words; past the last code the last word holds zeros.
import package::common::exact::{compare_product, flush_bits, is_non_finite};
import package::common::grid::flat_workgroup;
import package::common::minifloat::{in_doubt, midpoint_of, on_grid, round_grid, settle_grid};
import package::common::shape::{Shape, column_first, cursor_at, cursor_group, cursor_next, cursor_source, cursor_valid, pieces_per_row};

struct Params {
  outer: u32,
  dim: u32,
  inner: u32,
  block: u32,
  blocks: u32,
  order: u32,
  words: u32,
  mantissa_bits: u32,
  min_exponent: i32,
  largest_code: u32,
}

override wg: u32 = 64;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read> scales: array<f32>;
@group(0) @binding(3) var<storage, read_write> codes: array<u32>;

fn nearest_code(x: f32, scale: f32, inverse: f32) -> u32 {
  let magnitude = bitcast<u32>(abs(x) * inverse);
  if (magnitude < 0x00800000u) {
    return 0u;
  }
  if (magnitude >= 0x7f800000u) {
    return params.largest_code;
  }
  let grid = on_grid(magnitude, 0, params.mantissa_bits, params.min_exponent);
  if (in_doubt(grid)) {
    let midpoint = midpoint_of(magnitude, grid);
    return min(settle_grid(grid, compare_product(x, midpoint, scale)), params.largest_code);
  }
  return min(round_grid(grid), params.largest_code);
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroup_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let shape = Shape(params.outer, params.dim, params.inner, params.block, params.blocks, params.order);
  let thread = flat_workgroup(workgroup, workgroup_count) * wg + lane;
  let chunk = column_first(shape, thread, pieces_per_row(shape, 32u));
  var at = chunk * 8u;
  if (at >= params.words) {
    return;
  }
  var cursor = cursor_at(shape, chunk * 32u);
  var loaded = 0xffffffffu;
  var scale = 0.0;
  var inverse = 0.0;
  var word = 0u;
  var filled = 0u;
  for (var k = 0u; k < 32u; k++) {
    var code = 0u;
    if (cursor_valid(shape, cursor)) {
      let group = cursor_group(shape, cursor);
      if (group != loaded) {
        loaded = group;
        scale = scales[group];
        inverse = select(1.0 / scale, 0.0, scale == 0.0);
      }
      let bits = source[cursor_source(shape, cursor)];
      if (!is_non_finite(bits)) {
        code = nearest_code(flush_bits(bits), scale, inverse) | ((bits >> 31u) << 7u);
      }
    }
    word |= code << filled;
    filled += 8u;
    if (filled == 32u) {
      if (at < params.words) {
        codes[at] = word;
      }
      at += 1u;
      filled = 0u;
      word = 0u;
    }
    cursor_next(shape, &cursor);
  }
}
