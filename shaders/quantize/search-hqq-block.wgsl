// Half-quadratic quantization of each block (common/hqq.wgsl): from the first scale on, `zero_rounds` steps of a
// fractional zero point, which is then rounded, and `scale_rounds` steps of the scale. The result replaces
// scale and zero point in place only where the (weighted) squared error is surely lower than the first
// scale's: what is optimised is the robust norm, what is promised is the squared error.
//
// source       f32 bits, natural order; subnormals count as 0
// importance   f32 bits >= 0, one per index along dim, weighs every mean; any buffer when `weighted` is 0
// powers       256 powers 4096 * |r|^(-0.3), then 65536 / beta for every round
// scales       f32 bits per group in layout order; 0, infinite or NaN scales are left alone
// zero_points  i32 per group; read and written only when `asymmetric` is 1
//
// Tile: one thread a block, which reads its weights again every round. A block that holds NaN, infinity or
// a weight beyond the range is left alone.
import package::common::grid::flat_workgroup;
import package::common::shape::{Shape, Group, column_first, group_at};
import package::common::fixed::{
  Reading, reciprocal, unit_shift, magnitude_in_units, in_units, nearest_steps, squares_256, storable, scale_bits,
  add_wide, surely_less, floor_weight, weight_shift_of
};
import package::common::hqq::{influence, power_entry, quotient_4096, add_signed, ratio, moved_zero, moved_scale};

struct Params {
  outer: u32,
  dim: u32,
  inner: u32,
  block: u32,
  blocks: u32,
  order: u32,
  groups: u32,
  weighted: u32,
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
  zero_rounds: u32,
  scale_rounds: u32,
}

override wg: u32 = 64u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read> importance: array<u32>;
@group(0) @binding(3) var<storage, read> powers: array<u32>;
@group(0) @binding(4) var<storage, read_write> scales: array<u32>;
@group(0) @binding(5) var<storage, read_write> zero_points: array<i32>;

struct Block {
  group: Group,
  dim_first: u32,
  shift: i32,
  flip: u32,
  weight_shift: i32,
}

fn element(block: Block, e: u32) -> i32 {
  return in_units(source[block.group.base + e * block.group.stride], block.shift, block.flip);
}

// 1 to 1024, 1 without importance.
fn weight_of(block: Block, e: u32) -> u32 {
  var weight = 1u;
  if (params.weighted != 0u) {
    weight = floor_weight(importance[block.dim_first + e], block.weight_shift) + 1u;
  }
  return weight;
}

fn find_weight_shift(block: Block) -> i32 {
  var largest = 0u;
  for (var e = 0u; e < block.group.count; e++) {
    largest = max(largest, importance[block.dim_first + e] & 0x7fffffffu);
  }
  return weight_shift_of(largest);
}

struct Outcome {
  error: vec2u,
  // Sum of what fixed point can hide, see surely_less.
  slack: vec2u,
  in_range: bool,
}

// Squared error under a scale in 1/64 units, each weight at its nearest code: in 256 squared steps, or
// exact and weighted by floor(importance) + `excess`.
fn error_of(block: Block, fine_s: i32, low: i32, high: i32, limit: i32, excess: u32) -> Outcome {
  let inverse = reciprocal(u32((fine_s + 32) >> 6u));
  let reading = Reading(params.drop, low, high);
  var outcome = Outcome(vec2u(0u), vec2u(0u), true);
  for (var e = 0u; e < block.group.count; e++) {
    let x = element(block, e);
    outcome.in_range = outcome.in_range && abs(x) <= limit;
    let d = nearest_steps(x, fine_s, inverse, reading);
    if (params.weighted == 0u) {
      outcome.error = add_wide(outcome.error, vec2u(squares_256(d), 0u));
      outcome.slack = add_wide(outcome.slack, vec2u(5u, 0u));
    } else {
      let squared = bitcast<u32>(d * d);
      let whole = weight_of(block, e);
      let weight = whole - 1u + excess;
      let upper = (squared >> 16u) * weight;
      outcome.error = add_wide(outcome.error, vec2u((squared & 0xffffu) * weight, 0u));
      outcome.error = add_wide(outcome.error, vec2u(upper << 16u, upper >> 16u));
      outcome.slack = add_wide(outcome.slack, vec2u(whole * 850u, 0u));
    }
  }
  return outcome;
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroup_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let thread = flat_workgroup(workgroup, workgroup_count) * wg + lane;
  if (thread >= params.groups) {
    return;
  }
  let shape = Shape(params.outer, params.dim, params.inner, params.block, params.blocks, params.order);
  let index = column_first(shape, thread, shape.blocks);
  let first_bits = scales[index];
  let exponent = (first_bits >> 23u) & 0xffu;
  if (exponent == 0u || exponent == 255u) {
    return;
  }
  var block: Block;
  block.group = group_at(shape, index);
  block.dim_first = (block.group.base / params.inner) % params.dim;
  block.shift = unit_shift(first_bits, params.top);
  block.flip = first_bits & 0x80000000u;
  if (params.weighted != 0u) {
    block.weight_shift = find_weight_shift(block);
  }
  var first_zero = 0;
  if (params.asymmetric != 0u) {
    first_zero = zero_points[index];
  }
  let fine_s = magnitude_in_units(first_bits, block.shift + 6);
  let s0 = u32((fine_s + 32) >> 6u);
  let limit = i32(s0) * params.reach;
  let first = error_of(block, fine_s, params.code_min - first_zero, params.code_max - first_zero, limit, 0u);
  if (!first.in_range) {
    return;
  }

  var s = s0;
  // Zero point in 1/4096 of a code while it moves.
  var zero = first_zero * 4096;
  let rounds = params.zero_rounds + params.scale_rounds;
  for (var round = 0u; round < rounds; round++) {
    let moves_zero = round < params.zero_rounds;
    if (round == params.zero_rounds) {
      zero = ((zero + 2048) >> 12u) * 4096;
    }
    let inverse = reciprocal(s);
    let softness = powers[256u + round];
    var numerator = vec2u(0u);
    var divisor = vec2u(0u);
    for (var e = 0u; e < block.group.count; e++) {
      let position = quotient_4096(element(block, e), inverse, params.drop) + zero;
      let code = clamp((position + 2048) >> 12u, params.code_min, params.code_max);
      let residual = position - code * 4096;
      let pull = influence(residual, powers[power_entry(residual)], softness);
      let p = select(code - (zero >> 12u), 1, moves_zero);
      let weight = i32(weight_of(block, e));
      numerator = add_signed(numerator, p * pull * weight);
      divisor = add_wide(divisor, vec2u(u32(p * p * weight), 0u));
    }
    let move_by = ratio(numerator, divisor);
    if (moves_zero) {
      zero = moved_zero(zero, move_by, first_zero, params.code_min, params.code_max);
    } else {
      s = moved_scale(s, move_by, s0, params.first);
    }
  }
  s = storable(s, block.shift, params.half_scales != 0u);
  if (s == 0u) {
    return;
  }
  let last_zero = (zero + 2048) >> 12u;
  let found = error_of(
    block, i32(s << 6u), params.code_min - last_zero, params.code_max - last_zero, limit, 1u,
  );
  if (surely_less(found.error, first.slack, first.error)) {
    scales[index] = scale_bits(s, block.shift, block.flip);
    if (params.asymmetric != 0u) {
      zero_points[index] = last_zero;
    }
  }
}
