// Values of affine codes, in the natural order of the tensor: (code - zero point) * scale, one f32 product.
//
// Contract  codes: packed, in the layout; scales: one per group in the order of the layout, f32 or, with
//           half_scales, f16 packed by two; zero_points: packed codes (in the rows layout each row of
//           blocks starts on a byte), read only with packed_zeros, else `zero` holds for all groups.
// Tile      one thread decodes `run` elements lying a workgroup apart.
// Rounding  one multiplication, to nearest even.
import package::common::grid::flat_workgroup;
import package::common::half::from_half_bits;
import package::common::shape::{Shape, place_of, rows_order};

struct Params {
  outer: u32,
  dim: u32,
  inner: u32,
  block: u32,
  blocks: u32,
  order: u32,
  count: u32,
  run: u32,
  bits: u32,
  is_signed: u32,
  half_scales: u32,
  packed_zeros: u32,
  zero: i32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> codes: array<u32>;
@group(0) @binding(2) var<storage, read> scales: array<u32>;
@group(0) @binding(3) var<storage, read> zero_points: array<u32>;
@group(0) @binding(4) var<storage, read_write> decoded: array<f32>;

override wg: u32 = 64u;

// A code of `bits` bits out of a word, sign extended where codes are signed.
fn code_from(word: u32, bit: u32) -> i32 {
  let field = word >> (bit & 31u);
  let unsigned_code = i32(extractBits(field, 0u, params.bits));
  return select(unsigned_code, extractBits(bitcast<i32>(field), 0u, params.bits), params.is_signed != 0u);
}

fn scale_of(group: u32) -> f32 {
  if (params.half_scales != 0u) {
    return from_half_bits((scales[group >> 1u] >> (16u * (group & 1u))) & 0xffffu);
  }
  return bitcast<f32>(scales[group]);
}

fn zero_of(group: u32) -> i32 {
  if (params.packed_zeros == 0u) {
    return params.zero;
  }
  var bit = group * params.bits;
  if (params.order == rows_order) {
    let row = group / params.blocks;
    let row_bytes = (params.blocks * params.bits + 7u) / 8u;
    bit = row * row_bytes * 8u + (group - row * params.blocks) * params.bits;
  }
  return code_from(zero_points[bit >> 5u], bit);
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let shape = Shape(params.outer, params.dim, params.inner, params.block, params.blocks, params.order);
  let first = flat_workgroup(workgroup, workgroups) * wg * params.run + lane;
  for (var k = 0u; k < params.run; k++) {
    let index = first + k * wg;
    if (index >= params.count) {
      break;
    }
    let place = place_of(shape, index);
    let bit = place.position * params.bits;
    let code = code_from(codes[bit >> 5u], bit);
    decoded[index] = f32(code - zero_of(place.group)) * scale_of(place.group);
  }
}
