// Sum of magnitudes of each group's segments in fixed point, the same in any order and on any device.
// Contract: with E the exponent field of the group's absmax, |x| counts as the integer
// round_half_up(|x| * 2^(158 - E)) < 2^32. Writes three words per segment at
// 3 * (group * segments + segment): the sum's low and high word and the number of elements counted.
// `above` = 1 counts only elements with |x| > thresholds[group]; else all, and `thresholds` isn't read.
// Subnormals, NaN and infinity count as elements of value 0; magnitudes are clamped to absmax.
// Tile: one thread a segment; neighbouring threads take neighbouring groups.
import package::common::exact::flush_bits;
import package::common::grid::flat_workgroup;
import package::common::shape::{Shape, column_first, group_at};

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
  above: u32,
}

override wg: u32 = 64;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read> absmax: array<u32>;
@group(0) @binding(3) var<storage, read> thresholds: array<u32>;
@group(0) @binding(4) var<storage, read_write> sums: array<u32>;

fn fixed_point(magnitude: u32, top_exponent: u32) -> u32 {
  if (magnitude == 0u) {
    return 0u;
  }
  let significand = (magnitude & 0x007fffffu) | 0x00800000u;
  let drop = top_exponent - (magnitude >> 23u);
  if (drop <= 8u) {
    return significand << (8u - drop);
  }
  if (drop > 32u) {
    return 0u;
  }
  return (significand + (1u << (drop - 9u))) >> (drop - 8u);
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
  let shape = Shape(params.outer, params.dim, params.inner, params.block, params.blocks, params.order);
  let segment = thread / params.groups;
  let index = column_first(shape, thread - segment * params.groups, shape.blocks);
  let group = group_at(shape, index);
  let first = segment * params.segment_length;
  let end = min(group.count, first + params.segment_length);
  let start_run = first / group.run;
  var within = first - start_run * group.run;
  var at = group.base + start_run * group.hop + within * group.stride;
  let largest = absmax[index];
  let top_exponent = largest >> 23u;
  var threshold = 0u;
  if (params.above != 0u) {
    threshold = thresholds[index];
  }
  var low = 0u;
  var high = 0u;
  var count = 0u;
  for (var e = first; e < end; e++) {
    let magnitude = min(bitcast<u32>(abs(flush_bits(source[at]))), largest);
    // Non-negative floats order as their bits do.
    if (params.above == 0u || magnitude > threshold) {
      let term = fixed_point(magnitude, top_exponent);
      low += term;
      high += u32(low < term);
      count += 1u;
    }
    at += group.stride;
    within += 1u;
    if (within == group.run) {
      within = 0u;
      at += group.hop - group.run * group.stride;
    }
  }
  let place = 3u * (index * params.segments + segment);
  sums[place] = low;
  sums[place + 1u] = high;
  sums[place + 2u] = count;
}
