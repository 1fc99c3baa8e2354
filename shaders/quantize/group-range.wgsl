// Range of each group, or of each segment of it: ranges[2 * (group * segments + segment)] is the lowest,
// the next word the highest element, with 0 counted in, so lowest <= 0 <= highest.
//
// Contract  source: f32 by bits. Segments of long groups are folded by range-merge.
// Tile      one thread a segment. With interleave = 1 a segment is a run of segment_length elements and
//           neighbouring threads take neighbouring groups (blocks, channels last); with interleave = 64
//           the elements of 64 segments lie in turn, so neighbouring threads read neighbouring words. The
//           condition `columns` is for channels that lie last, a multiple of 4, in runs: a thread takes the
//           segments of four of them, row by row.
// NaN rule  subnormals, NaN and infinity count as 0. Exact: minimum and maximum of bits as integers.
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
  interleave: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@if(columns) @group(0) @binding(1) var<storage, read> source: array<vec4u>;
@else @group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read_write> ranges: array<u32>;

override wg: u32 = 64u;

@if(!columns) fn range_of(thread: u32) {
  if (thread >= params.groups * params.segments) {
    return;
  }
  let shape = Shape(params.outer, params.dim, params.inner, params.block, params.blocks, params.order);
  var group_index: u32;
  var segment: u32;
  if (params.interleave == 1u) {
    segment = thread / params.groups;
    group_index = column_first(shape, thread - segment * params.groups, shape.blocks);
  } else {
    group_index = thread / params.segments;
    segment = thread - group_index * params.segments;
  }
  let group = group_at(shape, group_index);
  let step = params.interleave;
  let first = (segment / step) * step * params.segment_length + segment % step;
  let end = min(group.count, first + step * params.segment_length);
  let first_run = first / group.run;
  var within = first - first_run * group.run;
  var at = group.base + first_run * group.hop + within * group.stride;
  // Largest bits as i32: the highest element where one is positive. Largest bits as u32: the lowest
  // where one is negative.
  var high = 0;
  var low = 0x80000000u;
  for (var e = first; e < end; e += step) {
    let bits = bitcast<u32>(flush_bits(source[at]));
    high = max(high, bitcast<i32>(bits));
    low = max(low, bits);
    at += step * group.stride;
    within += step;
    while (within >= group.run) {
      within -= group.run;
      at += group.hop - group.run * group.stride;
    }
  }
  let index = 2u * (group_index * params.segments + segment);
  ranges[index] = select(low, 0u, low == 0x80000000u);
  ranges[index + 1u] = bitcast<u32>(high);
}

@if(columns) fn range_of(thread: u32) {
  let strips = params.dim / 4u;
  if (thread >= strips * params.segments) {
    return;
  }
  let segment = thread / strips;
  let strip = thread - segment * strips;
  let first = segment * params.segment_length;
  let end = min(params.outer, first + params.segment_length);
  var high = vec4i(0);
  var low = vec4u(0x80000000u);
  for (var row = first; row < end; row++) {
    let bits = source[row * strips + strip];
    high = max(high, bitcast<vec4i>(bits));
    low = max(low, bits);
  }
  for (var broken = any(high >= vec4i(0x7f800000)) || any(low >= vec4u(0xff800000u)); broken; broken = false) {
    high = vec4i(0);
    low = vec4u(0x80000000u);
    for (var row = first; row < end; row++) {
      let bits = source[row * strips + strip];
      let finite = select(vec4u(0u), bits, (bits & vec4u(0x7f800000u)) != vec4u(0x7f800000u));
      high = max(high, bitcast<vec4i>(finite));
      low = max(low, finite);
    }
  }
  // Of nothing but subnormals comes 0.
  low = select(low, vec4u(0u), low < vec4u(0x80800000u));
  high = select(high, vec4i(0), high < vec4i(0x00800000));
  for (var c = 0u; c < 4u; c++) {
    let index = 2u * ((strip * 4u + c) * params.segments + segment);
    ranges[index] = low[c];
    ranges[index + 1u] = bitcast<u32>(high[c]);
  }
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  range_of(flat_workgroup(workgroup, workgroups) * wg + lane);
}
