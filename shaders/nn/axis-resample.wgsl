// Weighted sums of elements along the middle axis of [outer, axis, inner]: one pass of a separable resize.
//
// Contract  y[o, j, i] = sum over t of weights[j, t] * x[o, indices[j, t], i]; indices: i32 [length, taps], all
//           within the axis, or -1 in the first tap where the output is `fill`.
// Tile      one thread, one output.
// NaN       goes through where its weight is not 0: taps of weight 0 are left out.
import package::common::grid::flat_workgroup;

struct Params {
  outer: u32,
  axis: u32,
  inner: u32,
  length: u32,
  taps: u32,
  fill: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> indices: array<i32>;
@group(0) @binding(3) var<storage, read> weights: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

override wg: u32 = 64u;

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let item = flat_workgroup(group_id, group_count) * wg + lane;
  let i = item % params.inner;
  let row = item / params.inner;
  let j = row % params.length;
  let o = row / params.length;
  if (o >= params.outer) {
    return;
  }
  let base = o * params.axis * params.inner + i;
  let first = j * params.taps;
  var sum = params.fill;
  if (indices[first] >= 0) {
    sum = 0.0;
    for (var t = 0u; t < params.taps; t++) {
      let w = weights[first + t];
      if (w != 0.0) {
        sum += w * x[base + u32(indices[first + t]) * params.inner];
      }
    }
  }
  y[item] = sum;
}
