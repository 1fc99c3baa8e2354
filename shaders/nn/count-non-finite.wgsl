// Counts NaN and infinities of a tensor, and finds the first of either.
//
// Contract  x: f32 by bits. found: for each of `lanes` threads NaN, infinities, and the index of the first element that
//           is one or the other, or 0xffffffff.
// Tile      thread n takes the elements n, n + lanes, n + 2 lanes …
import package::common::grid::flat_workgroup;
import package::common::math::{is_inf_bits, is_nan_bits};

struct Params {
  count: u32,
  lanes: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> found: array<u32>;

override wg: u32 = 64u;

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let thread = flat_workgroup(workgroup, workgroups) * wg + lane;
  if (thread >= params.lanes) {
    return;
  }
  var missing = 0u;
  var infinite = 0u;
  var first = 0xffffffffu;
  for (var at = thread; at < params.count; at += params.lanes) {
    let word = x[at];
    let broken = (word & 0x7f800000u) == 0x7f800000u;
    missing += u32(is_nan_bits(word));
    infinite += u32(is_inf_bits(word));
    first = min(first, select(0xffffffffu, at, broken));
  }
  found[3u * thread] = missing;
  found[3u * thread + 1u] = infinite;
  found[3u * thread + 2u] = first;
}
