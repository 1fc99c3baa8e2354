// 8-bit floats to f32: value(code) * scales[group], rounded once to nearest even; subnormal results become
// zero. The format comes by params. Codes above `largest_code` are NaN, or
// infinity for the first of them where `has_infinity` is 1. Scales are not negative. Writes f32 bits.
// Tile: one thread one element, in the order of the tensor whatever the codes' layout.
import package::common::grid::flat_workgroup;
import package::common::minifloat::minifloat_bits;
import package::common::shape::{Shape, place_of};

struct Params {
  outer: u32,
  dim: u32,
  inner: u32,
  block: u32,
  blocks: u32,
  order: u32,
  elements: u32,
  mantissa_bits: u32,
  min_exponent: i32,
  largest_code: u32,
  has_infinity: u32,
}

override wg: u32 = 64;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> codes: array<u32>;
@group(0) @binding(2) var<storage, read> scales: array<f32>;
@group(0) @binding(3) var<storage, read_write> decoded: array<u32>;

// f32 bits of value * scale: one rounding, subnormal results as zero.
fn scaled_bits(value: u32, scale: f32) -> u32 {
  let product = bitcast<u32>(bitcast<f32>(value) * scale);
  return select(product, 0u, (product & 0x7f800000u) == 0u);
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroup_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let element = flat_workgroup(workgroup, workgroup_count) * wg + lane;
  if (element >= params.elements) {
    return;
  }
  let shape = Shape(params.outer, params.dim, params.inner, params.block, params.blocks, params.order);
  let place = place_of(shape, element);
  let code = (codes[place.position / 4u] >> (8u * (place.position % 4u))) & 0xffu;
  let magnitude = code & 0x7fu;
  let sign = (code & 0x80u) << 24u;
  if (magnitude > params.largest_code) {
    let infinite = params.has_infinity != 0u && magnitude == params.largest_code + 1u;
    decoded[element] = select(0x7fc00000u, sign | 0x7f800000u, infinite);
    return;
  }
  let value = minifloat_bits(magnitude, 0, params.mantissa_bits, params.min_exponent);
  decoded[element] = sign | scaled_bits(value, scales[place.group]);
}
