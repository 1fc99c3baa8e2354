// Largest magnitude of each group, or of each segment of it: absmax[group * segments + segment].
// Contract: `source` are f32 by bits. Subnormals, NaN and infinity count as 0; the result is clamped to
// 2^100, so that scales made from it stay normal numbers. An integer maximum, hence the same on every
// device. Long groups are cut into segments; a second call over [groups, segments] folds them.
// Tile: one thread a segment; neighbouring threads take neighbouring groups.
import package::common::exact::{flush_bits, largest_magnitude};
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
}

override wg: u32 = 64;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read_write> absmax: array<u32>;

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
  var largest = 0u;
  for (var e = first; e < end; e++) {
    largest = max(largest, bitcast<u32>(abs(flush_bits(source[at]))));
    at += group.stride;
    within += 1u;
    if (within == group.run) {
      within = 0u;
      at += group.hop - group.run * group.stride;
    }
  }
  absmax[index * params.segments + segment] = min(largest, bitcast<u32>(largest_magnitude));
}
