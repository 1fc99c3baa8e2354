// Running sums along the middle axis of [outer, axis, inner].
//
// Contract  x, y: words [outer, axis, inner]. `exclusive` leaves an element out of its own sum; `reverse` sums from
//           the end. kind 0: f32, 1: integers, which wrap.
// Tile      one thread, one line along the axis.
import package::common::grid::flat_workgroup;

struct Params {
  outer: u32,
  axis: u32,
  inner: u32,
  exclusive: u32,
  reverse: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

override wg: u32 = 64u;
override kind: u32 = 0u;

fn sum(a: u32, b: u32) -> u32 {
  if (kind == 0u) {
    return bitcast<u32>(bitcast<f32>(a) + bitcast<f32>(b));
  }
  return a + b;
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let line = flat_workgroup(group_id, group_count) * wg + lane;
  if (line >= params.outer * params.inner) {
    return;
  }
  let base = line / params.inner * params.axis * params.inner + line % params.inner;
  var total = 0u;
  for (var n = 0u; n < params.axis; n++) {
    let k = select(n, params.axis - 1u - n, params.reverse != 0u);
    let at = base + k * params.inner;
    let next = sum(total, x[at]);
    y[at] = select(next, total, params.exclusive != 0u);
    total = next;
  }
}
