// Picks the digit that holds the wanted rank, for each long group, and clears the counts of clip-wide-count;
// `shift` 32 begins the selection, 0 ends it with the clipped range (common/clip.wgsl).
//
// scales  f32 bits per group, of which only the sign is read
// state   4 words per group: key so far and rank within it, for the upper and the lower end
// counts  32 words per group
// ranges  low and high end per group, f32 bits; written when `shift` is 0
//
// Tile: one thread a group.
import package::common::grid::flat_workgroup;
import package::common::clip::clip_range;

struct Params {
  groups: u32,
  // Elements of a group, and the wanted rank from below, 1 to count.
  count: u32,
  rank: u32,
  both_ends: u32,
  shift: u32,
}

override wg: u32 = 64u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> scales: array<u32>;
@group(0) @binding(2) var<storage, read_write> state: array<u32>;
@group(0) @binding(3) var<storage, read_write> counts: array<u32>;
@group(0) @binding(4) var<storage, read_write> ranges: array<u32>;

fn pick(index: u32, end: u32) {
  let at = index * 4u + end * 2u;
  var rank = state[at + 1u];
  var digit = 0u;
  for (var held = counts[index * 32u + end * 16u]; held < rank && digit < 15u;) {
    rank -= held;
    digit += 1u;
    held = counts[index * 32u + end * 16u + digit];
  }
  state[at] |= digit << params.shift;
  state[at + 1u] = rank;
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroup_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = flat_workgroup(workgroup, workgroup_count) * wg + lane;
  if (index >= params.groups) {
    return;
  }
  if (params.shift == 32u) {
    state[index * 4u] = 0u;
    state[index * 4u + 1u] = params.rank;
    state[index * 4u + 2u] = 0u;
    state[index * 4u + 3u] = params.count + 1u - params.rank;
  } else {
    pick(index, 0u);
    for (var more = params.both_ends != 0u; more; more = false) {
      pick(index, 1u);
    }
  }
  for (var k = 0u; k < 32u; k++) {
    counts[index * 32u + k] = 0u;
  }
  if (params.shift == 0u) {
    let negative = (scales[index] & 0x80000000u) != 0u;
    let range = clip_range(state[index * 4u], state[index * 4u + 2u], params.both_ends != 0u, negative);
    ranges[2u * index] = range.x;
    ranges[2u * index + 1u] = range.y;
  }
}
