// Range of each block clipped at a percentile by nearest rank (common/clip.wgsl); quantize/affine-scale makes
// scales of it. The rank is found bit by bit: a bit is set while fewer than `rank` keys lie below.
//
// source  f32 bits, natural order; subnormals, NaN and infinity count as 0
// scales  f32 bits per group, of which only the sign is read
// ranges  low and high end per group, f32 bits
//
// Tile: one thread a block, 32 passes over it. `rank` is for whole blocks, `tail_rank` for a short last one.
import package::common::grid::flat_workgroup;
import package::common::shape::{Shape, Group, column_first, group_at};
import package::common::clip::{clip_key, clip_range};

struct Params {
  outer: u32,
  dim: u32,
  inner: u32,
  block: u32,
  blocks: u32,
  order: u32,
  groups: u32,
  both_ends: u32,
  rank: u32,
  tail_rank: u32,
}

override wg: u32 = 64u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read> scales: array<u32>;
@group(0) @binding(3) var<storage, read_write> ranges: array<u32>;

fn key_of_rank(group: Group, rank: u32) -> u32 {
  var key = 0u;
  for (var bit = 0x80000000u; bit != 0u; bit = bit >> 1u) {
    let trial = key | bit;
    var below = 0u;
    for (var e = 0u; e < group.count; e++) {
      below += u32(clip_key(source[group.base + e * group.stride], params.both_ends != 0u) < trial);
    }
    key = select(key, trial, below < rank);
  }
  return key;
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
  let group = group_at(shape, index);
  let rank = select(params.tail_rank, params.rank, group.count == params.block);
  let upper = key_of_rank(group, rank);
  var lower = 0u;
  for (var more = params.both_ends != 0u; more; more = false) {
    lower = key_of_rank(group, group.count + 1u - rank);
  }
  let range = clip_range(upper, lower, params.both_ends != 0u, (scales[index] & 0x80000000u) != 0u);
  ranges[2u * index] = range.x;
  ranges[2u * index + 1u] = range.y;
}
