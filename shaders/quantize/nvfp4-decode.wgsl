// NVFP4 to f32: value(code) * (local / global), the quotient rounded to nearest even f32 (below 2^-120: 0),
// the product exact but for one rounding. A NaN scale code (0x7f) gives NaN. Writes f32 bits.
// Tile: one thread one element, in the order of the tensor whatever the codes' layout.
import package::common::exact::divide;
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
}

override wg: u32 = 64;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> codes: array<u32>;
@group(0) @binding(2) var<storage, read> global_scale: array<f32>;
@group(0) @binding(3) var<storage, read> scales: array<u32>;
@group(0) @binding(4) var<storage, read_write> decoded: array<u32>;

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
  let code = (codes[place.position / 8u] >> (4u * (place.position % 8u))) & 0xfu;
  let byte = (scales[place.group / 4u] >> (8u * (place.group % 4u))) & 0x7fu;
  if (byte == 0x7fu) {
    decoded[element] = 0x7fc00000u;
    return;
  }
  let local = bitcast<f32>(minifloat_bits(byte, 0, 3u, -6));
  let value = minifloat_bits(code & 7u, 0, 1u, 0);
  decoded[element] = ((code & 8u) << 28u) | scaled_bits(value, divide(local, global_scale[0]));
}
