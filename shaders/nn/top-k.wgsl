// The k largest or smallest elements along the middle axis of [outer, axis, inner], in order, with their places.
//
// Contract  x: words [outer, axis, inner]; values: words, places: i32, both [outer, k, inner], k <= axis;
//           `count` = outer * axis * inner. Of equals the first comes first. kind 0: f32, 1: i32, 2: u32.
// Tile      one thread, one element of x: it counts those that come before it, and writes itself to that rank if
//           the rank is below k. Ranks of a line are all different, so each output is written once.
// NaN       counts as larger than all numbers; both zeros are equal.
import package::common::grid::flat_workgroup;

struct Params {
  count: u32,
  axis: u32,
  inner: u32,
  k: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> values: array<u32>;
@group(0) @binding(3) var<storage, read_write> places: array<i32>;

override wg: u32 = 64u;
override smallest: u32 = 0u;
override kind: u32 = 0u;

// An unsigned integer that orders words as their type does.
fn ordered(word: u32) -> u32 {
  if (kind == 2u) {
    return word;
  }
  if (kind == 1u) {
    return word ^ 0x80000000u;
  }
  let magnitude = word & 0x7fffffffu;
  if (magnitude > 0x7f800000u) {
    return 0xffffffffu;
  }
  if (magnitude == 0u) {
    return 0x80000000u;
  }
  return select(word | 0x80000000u, ~word, (word >> 31u) != 0u);
}

fn key(word: u32) -> u32 {
  let ascending = ordered(word);
  return select(ascending, ~ascending, smallest != 0u);
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let at = flat_workgroup(group_id, group_count) * wg + lane;
  if (at >= params.count) {
    return;
  }
  let row = at / params.inner;
  let i = at - row * params.inner;
  let o = row / params.axis;
  let place = row - o * params.axis;
  let base = o * params.axis * params.inner + i;
  let own = key(x[at]);
  var rank = 0u;
  for (var j = 0u; j < params.axis; j++) {
    let other = key(x[base + j * params.inner]);
    rank += u32(other > own || (other == own && j < place));
  }
  if (rank < params.k) {
    let target_at = (o * params.k + rank) * params.inner + i;
    values[target_at] = x[at];
    places[target_at] = i32(place);
  }
}
