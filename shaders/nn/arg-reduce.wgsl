// The place of the largest or smallest element along the middle axis of [outer, axis, inner].
//
// Contract  x: f32 [outer, axis, inner]; y: i32 [outer, inner]. op 0: largest, 1: smallest; of equals the first,
//           or the last with select_last.
// Tile      one thread, one output.
// NaN       never beats a number, nor is it beaten once it stands at the start.
import package::common::grid::flat_workgroup;

struct Params {
  outer: u32,
  axis: u32,
  inner: u32,
  select_last: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<i32>;

override wg: u32 = 64u;
override op: u32 = 0u;

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let output = flat_workgroup(group_id, group_count) * wg + lane;
  if (output >= params.outer * params.inner) {
    return;
  }
  let base = output / params.inner * params.axis * params.inner + output % params.inner;
  let sign = select(1.0, -1.0, op == 1u);
  var best = sign * x[base];
  var place = 0u;
  for (var k = 1u; k < params.axis; k++) {
    let v = sign * x[base + k * params.inner];
    if (v > best || (params.select_last != 0u && v == best)) {
      best = v;
      place = k;
    }
  }
  y[output] = i32(place);
}
