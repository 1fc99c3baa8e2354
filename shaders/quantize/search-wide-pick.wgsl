// Closes one stage of the search over long groups: keeps the best candidate by the sums of
// search-wide-sums and clears them; opens the search (`stage` 4), and ends it (`last`) by replacing
// scale and zero point where the squared error is surely lower, else leaving them.
//
// scales       f32 bits per group, zero_points i32 per group; changed only when `last` is 1
// state        6 words per group: best scale in units, best zero point, best error, the first scale's error
//              (64 bits each, low word first)
// sums         19 words per group, see search-wide-sums
//
// Tile: one thread a group. Ties: the candidate tried first wins.
import package::common::grid::flat_workgroup;
import package::common::fixed::{unit_shift, magnitude_in_units, scale_bits, less_wide, surely_less};
import package::common::search::{Grid, Trial, trial_at, trial_count, coarse_stage, given_stage};

struct Params {
  groups: u32,
  // Elements of a group.
  count: u32,
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
  stage: u32,
  last: u32,
}

const open_stage: u32 = 4u;

override wg: u32 = 64u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> scales: array<u32>;
@group(0) @binding(2) var<storage, read_write> zero_points: array<i32>;
@group(0) @binding(3) var<storage, read_write> state: array<u32>;
@group(0) @binding(4) var<storage, read_write> sums: array<u32>;

fn sum_of(index: u32, k: u32) -> vec2u {
  return vec2u(sums[index * 19u + 2u * k], sums[index * 19u + 2u * k + 1u]);
}

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
  let usable = exponent != 0u && exponent != 255u;
  let shift = unit_shift(first_bits, params.top);
  let s0 = u32((magnitude_in_units(first_bits, shift + 6) + 32) >> 6u);
  var best = Trial(state[index * 6u], bitcast<i32>(state[index * 6u + 1u]));
  var best_error = vec2u(state[index * 6u + 2u], state[index * 6u + 3u]);
  if (params.stage == open_stage) {
    best = Trial(s0, 0);
    if (params.asymmetric != 0u) {
      best.zero = zero_points[index];
    }
    best_error = vec2u(0xffffffffu);
    sums[index * 19u + 18u] = 0u;
  } else if (usable) {
    let grid = Grid(params.first, params.step, params.fine, params.code_min, params.code_max, params.half_scales);
    let anchor = best;
    let count = trial_count(params.stage);
    for (var k = 0u; k < count; k++) {
      let trial = trial_at(grid, params.stage, k, s0, anchor, shift);
      if (trial.s != 0u && less_wide(sum_of(index, k), best_error)) {
        best_error = sum_of(index, k);
        best = trial;
      }
    }
    if (params.stage == coarse_stage || params.stage == given_stage) {
      let first_error = sum_of(index, count);
      state[index * 6u + 4u] = first_error.x;
      state[index * 6u + 5u] = first_error.y;
    }
  }
  state[index * 6u] = best.s;
  state[index * 6u + 1u] = bitcast<u32>(best.zero);
  state[index * 6u + 2u] = best_error.x;
  state[index * 6u + 3u] = best_error.y;
  for (var word = 0u; word < 18u; word++) {
    sums[index * 19u + word] = 0u;
  }
  if (params.last != 0u && usable && sums[index * 19u + 18u] == 0u) {
    let first_error = vec2u(state[index * 6u + 4u], state[index * 6u + 5u]);
    if (surely_less(best_error, vec2u(params.count * 5u, 0u), first_error)) {
      scales[index] = scale_bits(best.s, shift, first_bits & 0x80000000u);
      if (params.asymmetric != 0u) {
        zero_points[index] = best.zero;
      }
    }
  }
}
