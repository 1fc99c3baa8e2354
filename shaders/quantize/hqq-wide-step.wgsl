// Takes the step that hqq-wide-sums measured and clears the sums: of the zero point (`action` 1) or the scale
// (2). Action 0 begins (zero point to 1/4096 of a code), 3 rounds the zero point and goes on in 1/4096, 4
// ends with the rounded zero point in whole codes and a storable scale, as search-wide-sums wants its state.
//
// state  6 words per group: scale in units (0 where none can be stored), zero point, 4 untouched
// sums   19 words per group, the first 4 used
//
// Tile: one thread a group.
import package::common::grid::flat_workgroup;
import package::common::fixed::{unit_shift, magnitude_in_units, storable};
import package::common::hqq::{ratio, moved_zero, moved_scale};

struct Params {
  groups: u32,
  asymmetric: u32,
  half_scales: u32,
  // Codes; for symmetric schemes codes minus zero point.
  code_min: i32,
  code_max: i32,
  reach: i32,
  top: i32,
  drop: u32,
  first: u32,
  step: u32,
  fine: u32,
  action: u32,
}

override wg: u32 = 64u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> scales: array<u32>;
@group(0) @binding(2) var<storage, read> zero_points: array<i32>;
@group(0) @binding(3) var<storage, read_write> state: array<u32>;
@group(0) @binding(4) var<storage, read_write> sums: array<u32>;

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroup_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = flat_workgroup(workgroup, workgroup_count) * wg + lane;
  if (index >= params.groups) {
    return;
  }
  let first_bits = scales[index];
  let exponent = (first_bits >> 23u) & 0xffu;
  if (exponent == 0u || exponent == 255u) {
    return;
  }
  let shift = unit_shift(first_bits, params.top);
  let s0 = u32((magnitude_in_units(first_bits, shift + 6) + 32) >> 6u);
  var first_zero = 0;
  if (params.asymmetric != 0u) {
    first_zero = zero_points[index];
  }
  var s = state[index * 6u];
  var zero = bitcast<i32>(state[index * 6u + 1u]);
  let word = index * 19u;
  let move_by = ratio(vec2u(sums[word], sums[word + 1u]), vec2u(sums[word + 2u], sums[word + 3u]));
  if (params.action == 0u) {
    s = s0;
    zero = first_zero * 4096;
  } else if (params.action == 1u) {
    zero = moved_zero(zero, move_by, first_zero, params.code_min, params.code_max);
  } else if (params.action == 2u) {
    s = moved_scale(s, move_by, s0, params.first);
  } else {
    zero = (zero + 2048) >> 12u;
    if (params.action == 3u) {
      zero *= 4096;
    } else {
      s = storable(s, shift, params.half_scales != 0u);
    }
  }
  state[index * 6u] = s;
  state[index * 6u + 1u] = bitcast<u32>(zero);
  for (var k = 0u; k < 4u; k++) {
    sums[word + k] = 0u;
  }
}
