// Takes slices of packed codes along an axis by index and decodes them:
// y[o, j, i] = (code[o, index[j], i] - zero point) * scale, both of the code's block.
//
// Contract  codes: [outer, axis, inner] of `bits` bits (2, 4 or 8), the first lowest, without gaps; indices: i32 [picks],
//           negative ones count from the end; `block` neighbours along an axis of `dim` elements, `dim_inner` apart,
//           share a scale: scales, f32, `blocks` along that axis; zero_points: packed codes in the order of the scales,
//           `zero_row` places for each `blocks` of them, read only with packed_zeros, else `zero` holds for all;
//           y: f32 [outer, picks, inner], `count` words. An index out of range gives zeros.
// Tile      a thread takes `each` elements, a workgroup apart.
// Rounding  one multiplication, to nearest even.
import package::common::grid::flat_workgroup;

struct Params {
  count: u32,
  axis: u32,
  picks: u32,
  inner: u32,
  dim: u32,
  dim_inner: u32,
  block: u32,
  blocks: u32,
  zero_row: u32,
  zero: i32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> codes: array<u32>;
@group(0) @binding(2) var<storage, read> indices: array<i32>;
@group(0) @binding(3) var<storage, read> scales: array<f32>;
@group(0) @binding(4) var<storage, read> zero_points: array<u32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;

override wg: u32 = 64u;
override each: u32 = 4u;
override bits: u32 = 4u;
override is_signed: u32 = 0u;
override packed_zeros: u32 = 0u;

// Code `place` out of the word that holds it.
fn code_of(word: u32, place: u32) -> i32 {
  let field = word >> (place % (32u / bits) * bits);
  if (is_signed != 0u) {
    return bitcast<i32>(field << (32u - bits)) >> (32u - bits);
  }
  return i32(field & ((1u << bits) - 1u));
}

fn zero_of(scale: u32) -> i32 {
  if (packed_zeros == 0u) {
    return params.zero;
  }
  let place = scale / params.blocks * params.zero_row + scale % params.blocks;
  return code_of(zero_points[place / (32u / bits)], place);
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let first = flat_workgroup(workgroup, workgroups) * wg * each + lane;
  for (var n = 0u; n < each; n++) {
    let at = first + n * wg;
    if (at < params.count) {
      let row = at / params.inner;
      let o = row / params.picks;
      let given = indices[row - o * params.picks];
      let index = u32(select(given, given + i32(params.axis), given < 0));
      let inside = index < params.axis;
      let place = (o * params.axis + select(0u, index, inside)) * params.inner + (at - row * params.inner);
      let before = place / params.dim_inner;
      let line = before / params.dim;
      let group = line * params.blocks + (before - line * params.dim) / params.block;
      let scale = group * params.dim_inner + (place - before * params.dim_inner);
      let code = code_of(codes[place / (32u / bits)], place);
      y[at] = select(0.0, f32(code - zero_of(scale)) * scales[scale], inside);
    }
  }
}
