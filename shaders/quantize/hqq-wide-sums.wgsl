// One round of half-quadratic quantization over long groups: numerator and divisor of the step of the zero
// point (`moves_zero` 1) or of the scale, as 64-bit sums (common/hqq.wgsl). hqq-wide-step takes the step.
//
// source, scales   f32 bits; powers as in search-hqq-block
// state            6 words per group: scale in units, zero point in 1/4096 of a code first
// sums             19 words per group: numerator and divisor, low word first
//
// Tile: one thread a segment and group. Integer atomics, so any order gives the same sums.
import package::common::grid::flat_workgroup;
import package::common::shape::{Shape, group_at};
import package::common::fixed::{reciprocal, unit_shift, in_units, add_wide};
import package::common::hqq::{influence, power_entry, quotient_4096, add_signed};

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
  round: u32,
  moves_zero: u32,
}

override wg: u32 = 64u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read> scales: array<u32>;
@group(0) @binding(3) var<storage, read> powers: array<u32>;
@group(0) @binding(4) var<storage, read> state: array<u32>;
@group(0) @binding(5) var<storage, read_write> sums: array<atomic<u32>>;

fn add_to_sum(at: u32, term: vec2u) {
  let before = atomicAdd(&sums[at], term.x);
  atomicAdd(&sums[at + 1u], term.y + u32(before + term.x < before));
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroup_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let thread = flat_workgroup(workgroup, workgroup_count) * wg + lane;
  if (thread >= params.groups * params.segments) {
    return;
  }
  let index = thread / params.segments;
  let segment = thread - index * params.segments;
  let first_bits = scales[index];
  let exponent = (first_bits >> 23u) & 0xffu;
  if (exponent == 0u || exponent == 255u) {
    return;
  }
  let shift = unit_shift(first_bits, params.top);
  let flip = first_bits & 0x80000000u;
  let inverse = reciprocal(state[index * 6u]);
  let zero = bitcast<i32>(state[index * 6u + 1u]);
  let softness = powers[256u + params.round];
  let shape = Shape(params.outer, params.dim, params.inner, params.block, params.blocks, params.order);
  let group = group_at(shape, index);
  let begin = segment * params.segment_length;
  let end = min(group.count, begin + params.segment_length);
  let run = begin / group.run;
  var within = begin - run * group.run;
  var at = group.base + run * group.hop + within * group.stride;
  var numerator = vec2u(0u);
  var divisor = vec2u(0u);
  for (var e = begin; e < end; e++) {
    let position = quotient_4096(in_units(source[at], shift, flip), inverse, params.drop) + zero;
    let code = clamp((position + 2048) >> 12u, params.code_min, params.code_max);
    let residual = position - code * 4096;
    let pull = influence(residual, powers[power_entry(residual)], softness);
    let p = select(code - (zero >> 12u), 1, params.moves_zero != 0u);
    numerator = add_signed(numerator, p * pull);
    divisor = add_wide(divisor, vec2u(u32(p * p), 0u));
    at += group.stride;
    within += 1u;
    if (within == group.run) {
      within = 0u;
      at += group.hop - group.run * group.stride;
    }
  }
  add_to_sum(index * 19u, numerator);
  add_to_sum(index * 19u + 2u, divisor);
}
