// Sign bits to f32: +scale for 1, -scale for 0. Exact.
// Tile: one thread one element, in the order of the tensor whatever the codes' layout.
import package::common::grid::flat_workgroup;
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
@group(0) @binding(2) var<storage, read> scales: array<f32>;
@group(0) @binding(3) var<storage, read_write> decoded: array<f32>;

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
  let code = (codes[place.position / 32u] >> (place.position % 32u)) & 1u;
  let scale = scales[place.group];
  decoded[element] = select(-scale, scale, code != 0u);
}
