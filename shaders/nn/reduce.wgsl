// Reduces the middle axis of [outer, axis, inner] to [outer, inner].
//
// Contract  x: [outer, axis, inner]; y: [outer, inner]; f32, or i32 in the whole variant. op as in reduce.ts (plus 16 for i32):
//           0 sum, 1 mean, 2 max, 3 min, 4 prod, 5 l1, 6 l2, 7 sum of squares, 8 log sum, 9 log sum exp.
// Tile      `split` threads share one output: thread l takes elements l, l + split, ... and the first folds
//           what they found, through workgroup memory; nothing is shared where split is 1.
// Rounding  f32 sums in runs of 32 elements, so that long axes lose little; i32 wraps.
// NaN       goes through, also in max and min. An axis of no elements gives the neutral element.
import package::common::grid::flat_workgroup;
import package::common::math::{is_inf_bits, is_nan_bits};

struct Params {
  outer: u32,
  axis: u32,
  inner: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@if(!whole)
@group(0) @binding(1) var<storage, read> x: array<f32>;
@if(whole)
@group(0) @binding(1) var<storage, read> x: array<i32>;
@if(!whole)
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@if(whole)
@group(0) @binding(2) var<storage, read_write> y: array<i32>;

override wg: u32 = 64u;
override split: u32 = 1u;
override op: u32 = 0u;

@if(!whole)
alias Value = f32;
@if(whole)
alias Value = i32;

const run: u32 = 32u;

var<workgroup> gathered: array<Value, wg>;

@if(!whole)
fn infinity() -> f32 {
  return bitcast<f32>(0x7f800000u | (params.outer & 0u));
}

fn neutral() -> Value {
  @if(!whole) {
    switch op {
      case 2u: { return -infinity(); }
      case 3u: { return infinity(); }
      case 4u: { return 1.0; }
      default: { return 0.0; }
    }
  }
  @if(whole) {
    switch op & 15u {
      case 2u: { return -2147483647 - 1; }
      case 3u: { return 2147483647; }
      case 4u: { return 1; }
      default: { return 0; }
    }
  }
}

@if(!whole)
fn largest(a: f32, b: f32) -> f32 {
  return select(select(max(a, b), b, is_nan_bits(bitcast<u32>(b))), a, is_nan_bits(bitcast<u32>(a)));
}

@if(!whole)
fn combine(a: f32, b: f32) -> f32 {
  switch op {
    case 2u: { return largest(a, b); }
    case 3u: { return -largest(-a, -b); }
    case 4u: { return a * b; }
    default: { return a + b; }
  }
}

@if(whole)
fn combine(a: i32, b: i32) -> i32 {
  switch op & 15u {
    case 2u: { return max(a, b); }
    case 3u: { return min(a, b); }
    case 4u: { return a * b; }
    default: { return a + b; }
  }
}

@if(!whole)
fn term(v: f32, high: f32) -> f32 {
  switch op {
    case 5u: { return abs(v); }
    case 6u, 7u: { return v * v; }
    case 9u: { return exp(v - high); }
    default: { return v; }
  }
}

@if(whole)
fn term(v: i32, high: i32) -> i32 {
  return v;
}

// What thread `lane` of a row finds, of the terms against `high`.
fn part(base: u32, lane: u32, high: Value) -> Value {
  var all = neutral();
  var k = lane;
  while (k < params.axis) {
    let end = min(k + run * split, params.axis);
    var some = neutral();
    for (; k < end; k += split) {
      some = combine(some, term(x[base + k * params.inner], high));
    }
    all = combine(all, some);
  }
  return all;
}

@if(!whole)
fn largest_part(base: u32, lane: u32) -> f32 {
  var high = -infinity();
  for (var k = lane; k < params.axis; k += split) {
    high = largest(high, x[base + k * params.inner]);
  }
  return high;
}

@if(!whole)
fn finish(sum: f32, high: f32) -> f32 {
  switch op {
    case 1u: { return sum / f32(params.axis); }
    case 6u: { return sqrt(sum); }
    case 8u: { return select(log(sum), sum, is_nan_bits(bitcast<u32>(sum))); }
    case 9u: { return log(sum) + high; }
    default: { return sum; }
  }
}

@if(whole)
fn finish(sum: i32, high: i32) -> i32 {
  return sum;
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let output = flat_workgroup(group_id, group_count) * (wg / split) + lane / split;
  let alive = output < params.outer * params.inner;
  let base = output / params.inner * params.axis * params.inner + output % params.inner;
  let mine = lane % split;
  let first = lane - mine;
  var high = Value();
  var settled = false;
  @if(!whole) {
    if (op == 9u) {
      high = -infinity();
      if (alive) {
        high = largest_part(base, mine);
      }
      if (split > 1u) {
        gathered[lane] = high;
        workgroupBarrier();
        for (var l = 0u; l < split; l++) {
          high = largest(high, gathered[first + l]);
        }
        workgroupBarrier();
      }
      // An infinite or NaN maximum is the outcome, whatever adapters make of exp and log of it.
      settled = is_inf_bits(bitcast<u32>(high)) || is_nan_bits(bitcast<u32>(high));
    }
  }
  var sum = neutral();
  if (alive) {
    sum = part(base, mine, high);
  }
  if (split > 1u) {
    gathered[lane] = sum;
    workgroupBarrier();
    if (mine == 0u) {
      for (var l = 1u; l < split; l++) {
        sum = combine(sum, gathered[lane + l]);
      }
    }
  }
  if (alive && mine == 0u) {
    y[output] = select(finish(sum, high), high, settled);
  }
}
