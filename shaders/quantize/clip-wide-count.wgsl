// One digit of a radix selection over long groups: counts, for one or both wanted ranks, the weights whose key
// (common/clip.wgsl) starts as the state says, by their next 4 bits. clip-wide-pick reads and clears the counts.
//
// source  f32 bits, natural order; subnormals, NaN and infinity count as 0
// state   4 words per group: key so far and rank within it, for the upper and the lower end
// counts  32 words per group: 16 for the upper, 16 for the lower end
//
// Tile: one thread a segment and group. Integer atomics, so any order gives the same counts.
import package::common::grid::flat_workgroup;
import package::common::shape::{Shape, group_at};
import package::common::clip::clip_key;

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
  both_ends: u32,
  // 28, 24 ... 0: where the digit starts.
  shift: u32,
}

override wg: u32 = 64u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read> state: array<u32>;
@group(0) @binding(3) var<storage, read_write> counts: array<atomic<u32>>;

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
  let shape = Shape(params.outer, params.dim, params.inner, params.block, params.blocks, params.order);
  let group = group_at(shape, index);
  // Bits above the digit; a shift by 32 is no shift.
  let above = select(0xffffffffu << (params.shift + 4u), 0u, params.shift == 28u);
  let upper = state[index * 4u];
  let lower = state[index * 4u + 2u];
  let begin = segment * params.segment_length;
  let end = min(group.count, begin + params.segment_length);
  let run = begin / group.run;
  var within = begin - run * group.run;
  var at = group.base + run * group.hop + within * group.stride;
  for (var e = begin; e < end; e++) {
    let key = clip_key(source[at], params.both_ends != 0u);
    let digit = (key >> params.shift) & 0xfu;
    if ((key & above) == upper) {
      atomicAdd(&counts[index * 32u + digit], 1u);
    }
    if (params.both_ends != 0u && (key & above) == lower) {
      atomicAdd(&counts[index * 32u + 16u + digit], 1u);
    }
    at += group.stride;
    within += 1u;
    if (within == group.run) {
      within = 0u;
      at += group.hop - group.run * group.stride;
    }
  }
}
