// Squared errors of one stage's candidates over long groups (channels, whole tensors): adds to 64-bit sums
// per group and candidate, in 256 squared steps (common/fixed.wgsl). The coarse and the given stage have one
// more candidate, the first scale itself. search-wide-pick reads the sums and clears them for the next stage.
//
// source       f32 bits, natural order; subnormals count as 0
// scales       f32 bits per group, zero_points i32 per group: the first scale; zero points if `asymmetric`
// state        6 words per group: best scale in units and zero point so far first
// sums         19 words per group: low and high word for up to 9 candidates, then whether a weight is NaN, infinite
//              or beyond the range
//
// Tile: one thread a candidate, segment and group, candidates neighbouring. Integer atomics, so any order
// gives the same sums.
import package::common::grid::flat_workgroup;
import package::common::shape::{Shape, group_at};
import package::common::fixed::{
  Reading, reciprocal, unit_shift, magnitude_in_units, in_units, nearest_steps, squares_256, add_wide
};
import package::common::search::{Grid, Trial, trial_at, trial_count};

struct Params {
  outer: u32,
  dim: u32,
  inner: u32,
  block: u32,
  blocks: u32,
  order: u32,
  groups: u32,
  segments: u32,
  segment_length: u32,
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
  // Candidates of the stage, the first scale included.
  trials: u32,
}

override wg: u32 = 64u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read> scales: array<u32>;
@group(0) @binding(3) var<storage, read> zero_points: array<i32>;
@group(0) @binding(4) var<storage, read> state: array<u32>;
@group(0) @binding(5) var<storage, read_write> sums: array<atomic<u32>>;

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroup_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let thread = flat_workgroup(workgroup, workgroup_count) * wg + lane;
  if (thread >= params.groups * params.segments * params.trials) {
    return;
  }
  let k = thread % params.trials;
  let place = thread / params.trials;
  let index = place / params.segments;
  let segment = place - index * params.segments;
  let first_bits = scales[index];
  let exponent = (first_bits >> 23u) & 0xffu;
  if (exponent == 0u || exponent == 255u) {
    return;
  }
  let shift = unit_shift(first_bits, params.top);
  let flip = first_bits & 0x80000000u;
  var zero = 0;
  if (params.asymmetric != 0u) {
    zero = zero_points[index];
  }
  var fine_s = magnitude_in_units(first_bits, shift + 6);
  let s0 = u32((fine_s + 32) >> 6u);
  let is_first = k >= trial_count(params.stage);
  if (!is_first) {
    let grid = Grid(params.first, params.step, params.fine, params.code_min, params.code_max, params.half_scales);
    let best = Trial(state[index * 6u], bitcast<i32>(state[index * 6u + 1u]));
    let trial = trial_at(grid, params.stage, k, s0, best, shift);
    if (trial.s == 0u) {
      return;
    }
    fine_s = i32(trial.s << 6u);
    zero = trial.zero;
  }
  let inverse = reciprocal(u32((fine_s + 32) >> 6u));
  let reading = Reading(params.drop, params.code_min - zero, params.code_max - zero);
  let limit = i32(s0) * params.reach;

  let shape = Shape(params.outer, params.dim, params.inner, params.block, params.blocks, params.order);
  let group = group_at(shape, index);
  let begin = segment * params.segment_length;
  let end = min(group.count, begin + params.segment_length);
  let run = begin / group.run;
  var within = begin - run * group.run;
  var at = group.base + run * group.hop + within * group.stride;
  var total = vec2u(0u);
  var beyond = false;
  for (var e = begin; e < end; e++) {
    let x = in_units(source[at], shift, flip);
    beyond = beyond || abs(x) > limit;
    total = add_wide(total, vec2u(squares_256(nearest_steps(x, fine_s, inverse, reading)), 0u));
    at += group.stride;
    within += 1u;
    if (within == group.run) {
      within = 0u;
      at += group.hop - group.run * group.stride;
    }
  }
  if (beyond) {
    atomicOr(&sums[index * 19u + 18u], 1u);
  }
  let before = atomicAdd(&sums[index * 19u + 2u * k], total.x);
  atomicAdd(&sums[index * 19u + 2u * k + 1u], total.y + u32(before + total.x < before));
}
