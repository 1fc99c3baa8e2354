// Microscaling elements to f32: value(code) * 2^(scale - 127), exact, subnormal results included; beyond
// the largest f32: infinity. The element comes by params. Scale 0xff and codes
// above `largest_code` are NaN, or infinity for the first of them where `has_infinity` is 1.
// Writes f32 bits.
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
  bits: u32,
  mantissa_bits: u32,
  min_exponent: i32,
  largest_code: u32,
  has_infinity: u32,
}

override wg: u32 = 64;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> codes: array<u32>;
@group(0) @binding(2) var<storage, read> scales: array<u32>;
@group(0) @binding(3) var<storage, read_write> decoded: array<u32>;

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
  let start = place.position * params.bits;
  let offset = start % 32u;
  var code = codes[start / 32u] >> offset;
  if (offset + params.bits > 32u) {
    code |= codes[start / 32u + 1u] << (32u - offset);
  }
  let scale = (scales[place.group / 4u] >> (8u * (place.group % 4u))) & 0xffu;
  let magnitude = code & ((1u << (params.bits - 1u)) - 1u);
  let sign = (code << (32u - params.bits)) & 0x80000000u;
  if (scale == 0xffu) {
    decoded[element] = 0x7fc00000u;
  } else if (magnitude > params.largest_code) {
    let infinite = params.has_infinity != 0u && magnitude == params.largest_code + 1u;
    decoded[element] = select(0x7fc00000u, sign | 0x7f800000u, infinite);
  } else {
    decoded[element] = sign | minifloat_bits(magnitude, i32(scale) - 127, params.mantissa_bits, params.min_exponent);
  }
}
