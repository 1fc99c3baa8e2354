// Histogram of an f32 tensor over bins whose edges the caller gives.
//
// Contract  edges[0] < ... < edges[bins]; bin b counts edges[b] <= x < edges[b + 1], the last one also
//           x = edges[bins]. counts[b] for b < bins, then counts[bins] = below edges[0], counts[bins + 1] =
//           above edges[bins], counts[bins + 2] = NaN and infinities. Counts are added to what is there.
// Tile      one thread looks at elements_per_thread elements, a workgroup apart; a workgroup counts in its
//           own memory and adds to the buffer once.
// NaN rule  NaN and infinities count in their own bin.
// Exact     a guess by multiplication is corrected by comparing ordered integers with the edges. -0 sorts
//           below +0, so it is taken as +0 first.
import package::common::exact::is_non_finite;
import package::common::grid::flat_workgroup;
import package::common::product::ordered_key;

struct Params {
  count: u32,
  bins: u32,
  elements_per_thread: u32,
  // bins / (edges[bins] - edges[0]), roughly; it only says where to look first.
  bins_per_unit: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read> edges: array<u32>;
@group(0) @binding(3) var<storage, read_write> counts: array<atomic<u32>>;

override wg: u32 = 64u;

const most_bins: u32 = 256u;
var<workgroup> local_counts: array<atomic<u32>, most_bins + 3u>;
var<workgroup> keys: array<i32, most_bins + 1u>;

fn key_of(bits: u32) -> i32 {
  return ordered_key(select(bits, 0u, bits == 0x80000000u));
}

fn bin_of(bits: u32) -> u32 {
  if (is_non_finite(bits)) {
    return params.bins + 2u;
  }
  let key = key_of(bits);
  if (key < keys[0]) {
    return params.bins;
  }
  if (key > keys[params.bins]) {
    return params.bins + 1u;
  }
  let guess = (bitcast<f32>(bits) - bitcast<f32>(edges[0])) * params.bins_per_unit;
  var bin = u32(clamp(guess, 0.0, f32(params.bins - 1u)));
  while (key < keys[bin]) {
    bin -= 1u;
  }
  while (bin + 1u < params.bins && key >= keys[bin + 1u]) {
    bin += 1u;
  }
  return bin;
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  for (var i = lane; i <= params.bins; i += wg) {
    keys[i] = key_of(edges[i]);
  }
  workgroupBarrier();
  let first = flat_workgroup(group_id, group_count) * wg * params.elements_per_thread + lane;
  for (var i = 0u; i < params.elements_per_thread; i++) {
    let at = first + i * wg;
    if (at >= params.count) {
      break;
    }
    atomicAdd(&local_counts[bin_of(source[at])], 1u);
  }
  workgroupBarrier();
  for (var i = lane; i < params.bins + 3u; i += wg) {
    let counted = atomicLoad(&local_counts[i]);
    if (counted != 0u) {
      atomicAdd(&counts[i], counted);
    }
  }
}
