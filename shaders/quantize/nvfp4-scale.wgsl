// E4M3 scales of NVFP4 blocks: the code nearest to the real absmax * global / 6, ties to the even code,
// between 2^-9 and 448; 0 only where the whole block is 0.
// Contract: `source` are f32 by bits; subnormals, NaN and infinity count as 0. A block that is not all
// zero never gets scale 0, which would lose elements up to 3 * 2^-9 / global. Blocked geometry only.
// The approximate value decides unless it lies near a midpoint; there midpoint * 6 (exact: at most 7
// bits) is compared with absmax * global in integers.
// Tile: one thread one word, the bytes of four groups.
import package::common::exact::{compare_product, flush_bits};
import package::common::grid::flat_workgroup;
import package::common::minifloat::{in_doubt, midpoint_of, on_grid, round_grid, settle_grid};
import package::common::shape::{Group, Shape, column_first, group_at, pieces_per_row};

struct Params {
  outer: u32,
  dim: u32,
  inner: u32,
  block: u32,
  blocks: u32,
  order: u32,
  groups: u32,
}

override wg: u32 = 64;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read> global_scale: array<f32>;
@group(0) @binding(3) var<storage, read_write> scales: array<u32>;

fn scale_of(absmax: f32, global_value: f32) -> u32 {
  if (absmax == 0.0) {
    return 0u;
  }
  let magnitude = bitcast<u32>(absmax * global_value * 0.16666667);
  if (magnitude < 0x00800000u) {
    return 1u;
  }
  if (magnitude >= 0x7f800000u) {
    return 126u;
  }
  let grid = on_grid(magnitude, 0, 3u, -6);
  if (in_doubt(grid)) {
    let midpoint = midpoint_of(magnitude, grid);
    return clamp(settle_grid(grid, -compare_product(midpoint * 6.0, absmax, global_value)), 1u, 126u);
  }
  return clamp(round_grid(grid), 1u, 126u);
}

fn largest_finite(group: Group) -> f32 {
  var largest = 0u;
  for (var e = 0u; e < group.count; e++) {
    largest = max(largest, bitcast<u32>(abs(flush_bits(source[group.base + e * group.stride]))));
  }
  return bitcast<f32>(largest);
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroup_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let shape = Shape(params.outer, params.dim, params.inner, params.block, params.blocks, params.order);
  let thread = flat_workgroup(workgroup, workgroup_count) * wg + lane;
  let word = column_first(shape, thread, pieces_per_row(shape, 4u * shape.block));
  if (word * 4u >= params.groups) {
    return;
  }
  let global_value = global_scale[0];
  var packed = 0u;
  for (var k = 0u; k < 4u; k++) {
    let index = word * 4u + k;
    if (index < params.groups) {
      packed |= scale_of(largest_finite(group_at(shape, index)), global_value) << (8u * k);
    }
  }
  scales[word] = packed;
}
