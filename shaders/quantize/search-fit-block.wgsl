// Lowers the squared error of short blocks of narrow codes: codes are read off at 8 scales (and, where there is a
// zero point, at its two neighbours under the best of them), and each set of codes gets the scale that suits it best,
// sum(x p) / sum(p p). The best one replaces scale and zero point in place where the error is surely lower.
//
// source       f32 bits, natural order
// scales       f32 bits per group in layout order; scales beyond 2^-100 to 2^100 are left alone
// zero_points  i32 per group; read and written only when `asymmetric` is 1
//
// Tile: one thread a block of at most `width` weights of 2 or 4 bits, which sit in registers. The loops over them are
// meant to be unrolled. The condition `quads` is for whole blocks one after another, read as vec4s.
// Ties: the first candidate wins. A block that holds NaN, infinity or a weight beyond the range is left alone.
//
// Exact: a unit is the first scale / 2^unit. X = round(x * (2^unit / scale)), each operation rounded once, is off by
// at most 0.51 units. Everything that follows is integers below 2^24 held as floats, whose products and sums are exact,
// fused or not: |X| <= 2^15.2, |p| <= 15, 32 of X p below 2^24; X * i of a trial is exact too, so adding `magic` rounds
// X * i / 2^(7 + unit) to the nearest even. Only scores are rounded, once each.
//
// Surely lower: with D = X - p S the error under S units is at most sum(D D) + 1.02 sum(|D|) + 0.51 n + 2.6 B, if S is
// within half a unit of the scale as stored and |A - S B| <= 2 B; the error e of the first scale is at least
// sum(E E) - 1.02 sum(|E|) for its own differences E, which the range check keeps below 1.04 * 2^unit. Both sums of
// magnitudes are at most n * 1.04 * 2^unit where the first is to fall, so a gain of (2.25 n + 2) 2^unit + 3 B will do.
import package::common::exact::divide;
import package::common::grid::flat_workgroup;
import package::common::half::{from_half_bits, to_half_bits};
import package::common::shape::{Group, Shape, column_first, group_at};

struct Params {
  outer: u32,
  dim: u32,
  inner: u32,
  block: u32,
  blocks: u32,
  order: u32,
  groups: u32,
  asymmetric: u32,
  half_scales: u32,
  // Codes; for symmetric schemes codes minus zero point.
  code_min: i32,
  code_max: i32,
  // Bits of the first scale in units.
  unit: u32,
  // Trial k reads codes off at the first scale * 128 / (first + k * step).
  first: u32,
  step: u32,
}

override wg: u32 = 64u;

@group(0) @binding(0) var<uniform> params: Params;
@if(quads) @group(0) @binding(1) var<storage, read> source: array<vec4u>;
@else @group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read_write> scales: array<u32>;
@group(0) @binding(3) var<storage, read_write> zero_points: array<i32>;

@if(width16) const width: u32 = 16u;
@if(width32) const width: u32 = 32u;

const coarse_trials: u32 = 8u;
// 1.5 * 2^23: adding it leaves the nearest integer in the low mantissa bits.
const magic: f32 = 12582912.0;

// The block's weights in units, 0 beyond its end.
var<private> weights: array<f32, width>;

// Bits of the largest and of the lowest weight (as affine-block.wgsl has them).
struct Extremes {
  high: i32,
  low: u32,
}

fn load_block(group: Group, units: f32) -> Extremes {
  var e = Extremes(0, 0x80000000u);
  @if(quads) {
    for (var q = 0u; q < width / 4u; q++) {
      let bits = source[group.base / 4u + q];
      let x = round(bitcast<vec4f>(bits) * units);
      weights[q * 4u] = x.x;
      weights[q * 4u + 1u] = x.y;
      weights[q * 4u + 2u] = x.z;
      weights[q * 4u + 3u] = x.w;
      let high = max(max(bitcast<i32>(bits.x), bitcast<i32>(bits.y)), max(bitcast<i32>(bits.z), bitcast<i32>(bits.w)));
      e = Extremes(max(e.high, high), max(e.low, max(max(bits.x, bits.y), max(bits.z, bits.w))));
    }
  }
  @else {
    let last = group.count - 1u;
    for (var j = 0u; j < width; j++) {
      let bits = select(0u, source[group.base + min(j, last) * group.stride], j <= last);
      weights[j] = round(bitcast<f32>(bits) * units);
      e = Extremes(max(e.high, bitcast<i32>(bits)), max(e.low, bits));
    }
  }
  return e;
}

// A: sum of weights times codes minus zero point, B: sum of the latter's squares.
struct Sums {
  a: f32,
  b: f32,
}

// Sums of the block with codes minus zero point in [low, high], read off at 128 / i of the first scale.
fn sums_at(i: u32, low: i32, high: i32) -> Sums {
  let factor = f32(i) * bitcast<f32>((120u - params.unit) << 23u);
  let lowest = bitcast<i32>(magic) + low;
  let highest = bitcast<i32>(magic) + high;
  var sums = Sums(0.0, 0.0);
  for (var j = 0u; j < width; j++) {
    let x = weights[j];
    let p = bitcast<f32>(clamp(bitcast<i32>(x * factor + magic), lowest, highest)) - magic;
    sums.a += x * p;
    sums.b += p * p;
  }
  return sums;
}

// What the error falls by from that of all zeros with codes of these sums and their best scale in whole units,
// floor(a / b): the approximate quotient proposes, the exact remainder corrects it.
fn score_of(sums: Sums) -> f32 {
  let b = max(sums.b, 1.0);
  let proposed = floor(sums.a / b);
  let rest = sums.a - proposed * b;
  let s = proposed + select(0.0, 1.0, rest >= b) - select(0.0, 1.0, rest < 0.0);
  return s * (sums.a + (sums.a - s * b));
}

// A scale as it is stored; 0 where an f16 cannot hold it.
fn as_stored(scale: f32) -> f32 {
  var stored = scale;
  // A loop of at most one turn: software adapters skip a loop that no lane enters, but run both sides of an if.
  for (var half = params.half_scales != 0u; half; half = false) {
    stored = from_half_bits(to_half_bits(clamp(scale, -65504.0, 65504.0)));
  }
  return stored;
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
  if (exponent < 27u || exponent > 227u) {
    return;
  }
  let first_scale = bitcast<f32>(first_bits);
  let units = divide(f32(1u << params.unit), first_scale);
  var zero = 0;
  if (params.asymmetric != 0u) {
    zero = zero_points[index];
  }
  let group = group_at(shape, index);
  let extremes = load_block(group, units);
  // How far weights may reach on either side: one scale and a little beyond the last codes.
  let up = abs(first_scale) * (f32(params.code_max - zero) + 1.03125);
  let down = abs(first_scale) * (f32(zero - params.code_min) + 1.03125);
  let positive = select(up, down, first_scale < 0.0);
  let negative = select(down, up, first_scale < 0.0);
  if (extremes.high > bitcast<i32>(positive) || extremes.low > (bitcast<u32>(negative) | 0x80000000u)) {
    return;
  }

  var first = Sums(0.0, 0.0);
  var best = Sums(0.0, 0.0);
  var best_score = 0.0;
  var best_zero = zero;
  var best_i = params.first;
  // Turn 0 is the first scale itself, the last two are the neighbours of the zero point.
  let turns = 1u + coarse_trials + select(0u, 2u, params.asymmetric != 0u);
  for (var turn = 0u; turn < turns; turn++) {
    let moved = zero + select(select(0, -1, turn == 1u + coarse_trials), 1, turn == 2u + coarse_trials);
    let i = select(select(params.first + (turn - 1u) * params.step, best_i, turn > coarse_trials), 128u, turn == 0u);
    let sums = sums_at(i, params.code_min - moved, params.code_max - moved);
    let score = score_of(sums);
    if (turn == 0u) {
      first = sums;
    } else if (score > best_score && moved >= params.code_min && moved <= params.code_max) {
      best = sums;
      best_score = score;
      best_zero = moved;
      best_i = i;
    }
  }

  let ratio = divide(best.a, max(best.b, 1.0));
  let scale = as_stored(first_scale * (ratio * bitcast<f32>((127u - params.unit) << 23u)));
  let s = round(scale * units);
  let off = best.a - s * best.b;
  // Both sides in squares of units / 2^unit; even, so that a float holds it.
  let count = i32(group.count);
  let needed = 2 * i32(first.a) - (i32(first.b) << params.unit)
    + (count * 9) / 4 + ((3 * i32(best.b)) >> params.unit) + 2;
  let bar = f32((needed + 1) & -2) * f32(1u << params.unit);
  if (abs(off) <= 2.0 * best.b && s * (best.a + off) > bar) {
    scales[index] = bitcast<u32>(scale);
    if (params.asymmetric != 0u) {
      zero_points[index] = best_zero;
    }
  }
}
