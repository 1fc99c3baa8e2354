// Lowers the (weighted) squared error of each block by trying other scales and, where there is a zero
// point, its neighbours: 8 coarse scales, 2 zero points, 4 fine scales, all against the first scale. Replaces scale
// and zero point in place only where the error is surely lower (common/fixed.wgsl), else leaves them.
//
// source       f32 bits, natural order; subnormals count as 0
// importance   f32 bits >= 0, one per index along dim; any buffer when `weighted` is 0
// scales       f32 bits per group in layout order; 0, infinite or NaN scales are left alone
// zero_points  i32 per group; read and written only when `asymmetric` is 1
//
// Tile: one thread a block. `width` weights at a time sit in registers and meet all candidates of a stage,
// so a block of one chunk (the condition `whole`) is read twice, a longer one four times. The loops over a chunk are meant to be
// unrolled (a driver that keeps the chunk in memory loses a factor of five), so there are only two of them.
// Ties: the first candidate wins. A block that holds NaN, infinity or a weight beyond the range is left alone.
import package::common::grid::flat_workgroup;
import package::common::shape::{Shape, Group, column_first, group_at};
import package::common::fixed::{
  Reading, reciprocal, unit_shift, magnitude_in_units, in_units, reading_bias, nearest_steps, scale_bits, add_wide,
  less_wide, surely_less, floor_weight, weight_shift_of
};
import package::common::search::{Grid, Trial, trial_at, trial_count, coarse_stage, zero_stage, fine_stage};

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
  // Largest |p| in the first scale's range, plus 1: weights beyond that many scales keep the block as it is.
  reach: i32,
  top: i32,
  // As the override: shifts by a constant are cheaper.
  drop: u32,
  // Coarse scales are (first + k * step) / 4096 of the first scale; the fine ones lie `fine` apart.
  first: u32,
  step: u32,
  fine: u32,
}

override wg: u32 = 64u;
// 1 with importance, as params.weighted; an override so that the other way is compiled away.
override weighted: u32 = 0u;
override drop: u32 = 0u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read> importance: array<u32>;
@group(0) @binding(3) var<storage, read_write> scales: array<u32>;
@group(0) @binding(4) var<storage, read_write> zero_points: array<i32>;

@if(width16) const width: u32 = 16u;
@if(width32) const width: u32 = 32u;

// The chunk at hand: weights in units, and importance as integers 1 to 1024 (0 beyond the end).
var<private> chunk: array<i32, width>;
var<private> chunk_weights: array<u32, width>;

// The candidates of a stage and their errors, while the chunks pass; a scale of 0 units takes no part.
@if(!whole) var<private> trials: array<Trial, 8>;
@if(!whole) var<private> trial_error: array<vec2u, 8>;

struct Block {
  group: Group,
  // Index along dim of the first element.
  dim_first: u32,
  shift: i32,
  flip: u32,
  weight_shift: i32,
}

fn load_chunk(block: Block, first: u32) {
  let last = block.group.count - 1u;
  for (var j = 0u; j < width; j++) {
    let bits = source[block.group.base + min(first + j, last) * block.group.stride];
    chunk[j] = in_units(select(0u, bits, first + j <= last), block.shift, block.flip);
  }
  if (weighted != 0u) {
    for (var j = 0u; j < width; j++) {
      let weight = floor_weight(importance[block.dim_first + min(first + j, last)], block.weight_shift) + 1u;
      chunk_weights[j] = select(0u, weight, first + j <= last);
    }
  }
}

// Shift that brings the largest importance of the block into [512, 1024).
fn find_weight_shift(block: Block) -> i32 {
  var largest = 0u;
  for (var e = 0u; e < block.group.count; e++) {
    largest = max(largest, importance[block.dim_first + e] & 0x7fffffffu);
  }
  return weight_shift_of(largest);
}

// Adds squared steps: weighted ones exactly, plain ones in units of 256.
fn fold_error(total: vec2u, low: u32, high: u32) -> vec2u {
  return add_wide(add_wide(total, vec2u(low, 0u)), vec2u(high << 16u, high >> 16u));
}

// Error of the chunk under scale s, codes read off by a reciprocal: near a midpoint the farther code
// may be taken, so this is an upper bound of the error.
fn chunk_error(total: vec2u, s: i32, inverse: i32, bias: i32, low: i32, high: i32) -> vec2u {
  let cut = 31u - drop;
  var sum = 0u;
  var sum_high = 0u;
  if (weighted == 0u) {
    for (var j = 0u; j < width; j++) {
      let x = chunk[j];
      let p = clamp(((x >> drop) * inverse + bias) >> cut, low, high);
      let d = (x - p * s + 8) >> 4u;
      sum += bitcast<u32>(d * d) >> 8u;
    }
  } else {
    for (var j = 0u; j < width; j++) {
      let x = chunk[j];
      let p = clamp(((x >> drop) * inverse + bias) >> cut, low, high);
      let d = (x - p * s + 8) >> 4u;
      let squared = bitcast<u32>(d * d);
      sum += (squared & 0xffffu) * chunk_weights[j];
      sum_high += (squared >> 16u) * chunk_weights[j];
    }
  }
  return fold_error(total, sum, sum_high);
}

// `total` with the error of the chunk under a candidate of at least one unit.
fn trial_error_of(total: vec2u, trial: Trial) -> vec2u {
  let s = max(trial.s, 1u);
  let inverse = reciprocal(s);
  let low = params.code_min - trial.zero;
  return chunk_error(total, i32(s), inverse, reading_bias(inverse, drop), low, params.code_max - trial.zero);
}

// What the first scale (`fine_s` in 1/64 units) does to the block: each weight at its nearest code, importance
// rounded down, so this is a lower bound of the error.
struct First {
  error: vec2u,
  slack: vec2u,
  in_range: bool,
}

fn first_error(block: Block, fine_s: i32, low: i32, high: i32) -> First {
  let s = (fine_s + 32) >> 6u;
  let inverse = reciprocal(u32(s));
  let reading = Reading(drop, low, high);
  let limit = s * params.reach;
  var first = First(vec2u(0u), vec2u(0u), true);
  for (var e = 0u; e < block.group.count; e++) {
    let x = in_units(source[block.group.base + e * block.group.stride], block.shift, block.flip);
    first.in_range = first.in_range && abs(x) <= limit;
    let d = nearest_steps(x, fine_s, inverse, reading);
    let squared = bitcast<u32>(d * d);
    if (weighted == 0u) {
      first.error = add_wide(first.error, vec2u(squared >> 8u, 0u));
      first.slack = add_wide(first.slack, vec2u(5u, 0u));
    } else {
      let weight = floor_weight(importance[block.dim_first + e], block.weight_shift);
      first.error = fold_error(first.error, (squared & 0xffffu) * weight, (squared >> 16u) * weight);
      first.slack = add_wide(first.slack, vec2u((weight + 1u) * 850u, 0u));
    }
  }
  return first;
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
  if (weighted != 0u) {
    block.weight_shift = find_weight_shift(block);
  }
  var zero = 0;
  if (params.asymmetric != 0u) {
    zero = zero_points[index];
  }
  let fine_s = magnitude_in_units(first_bits, block.shift + 6);
  let first = first_error(block, fine_s, params.code_min - zero, params.code_max - zero);
  if (!first.in_range) {
    return;
  }

  let s0 = u32((fine_s + 32) >> 6u);
  let grid = Grid(params.first, params.step, params.fine, params.code_min, params.code_max, params.half_scales);
  @if(!whole) let chunks = (block.group.count + width - 1u) / width;
  var best_error = vec2u(0xffffffffu);
  var best = Trial(s0, zero);
  for (var stage = coarse_stage; stage <= fine_stage; stage++) {
    if (stage == zero_stage && params.asymmetric == 0u) {
      continue;
    }
    let count = trial_count(stage);
    @if(whole) {
      let anchor = best;
      if (stage == coarse_stage) {
        load_chunk(block, 0u);
      }
      for (var k = 0u; k < count; k++) {
        let trial = trial_at(grid, stage, k, s0, anchor, block.shift);
        let error = trial_error_of(vec2u(0u), trial);
        if (trial.s != 0u && less_wide(error, best_error)) {
          best_error = error;
          best = trial;
        }
      }
    }
    @else {
      for (var k = 0u; k < count; k++) {
        trials[k] = trial_at(grid, stage, k, s0, best, block.shift);
        trial_error[k] = vec2u(0u);
      }
      for (var c = 0u; c < chunks; c++) {
        load_chunk(block, c * width);
        for (var k = 0u; k < count; k++) {
          if (trials[k].s != 0u) {
            trial_error[k] = trial_error_of(trial_error[k], trials[k]);
          }
        }
      }
      for (var k = 0u; k < count; k++) {
        if (trials[k].s != 0u && less_wide(trial_error[k], best_error)) {
          best_error = trial_error[k];
          best = trials[k];
        }
      }
    }
  }
  if (surely_less(best_error, first.slack, first.error)) {
    scales[index] = scale_bits(best.s, block.shift, block.flip);
    if (params.asymmetric != 0u) {
      zero_points[index] = best.zero;
    }
  }
}
